using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace CloudSync.Sdk;

/// <summary>Turns messages into the keys of the idempotency store: 128 bits of what their copies have in common, seeded by the consumer group, so that groups may share a store.</summary>
/// <param name="groupId">The consumer group.</param>
/// <param name="strategy">What copies have in common.</param>
/// <param name="keyOf">The user's own answer to that, in place of the strategy; <see langword="null"/> or empty text means the message's place.</param>
internal sealed class MessageFingerprint(
    string groupId, IdempotencyKeyStrategy strategy = IdempotencyKeyStrategy.MessageId, Func<SyncMessage, string?>? keyOf = null)
{
    private readonly long _seed = (long)XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(groupId));

    /// <exception cref="Exception">The user's delegate threw.</exception>
    public IdempotencyKey Of(SyncMessage message)
    {
        if (keyOf is not null)
            return keyOf(message) is { Length: > 0 } text ? KeyOf(Hash(Encoding.UTF8.GetBytes(text))) : KeyOf(Place(message));

        if (strategy == IdempotencyKeyStrategy.Place || !message.TryGetIdBytes(out var id))
            return KeyOf(Place(message));

        return KeyOf(strategy == IdempotencyKeyStrategy.MessageId ? Hash(id) : Both(Hash(id), Place(message)));
    }

    private UInt128 Hash(ReadOnlySpan<byte> bytes) => XxHash128.HashToUInt128(bytes, _seed);

    /// <summary>
    /// The record's place. Binary, and longer by a zero byte than no text id can be equal to it by accident. A topic that was deleted and made anew begins at offset 0 again, and
    /// its messages are not those that were delivered from there before: the time tells them apart.
    /// </summary>
    private UInt128 Place(SyncMessage message)
    {
        Span<byte> place = stackalloc byte[21 + 256];
        var topic = Encoding.UTF8.GetBytes(message.Topic, place[21..]);
        BinaryPrimitives.WriteInt64LittleEndian(place[13..], message.TimestampMs);
        place[12] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(place, message.Partition);
        BinaryPrimitives.WriteInt64LittleEndian(place[4..], message.Offset);
        return Hash(place[..(21 + topic)]);
    }

    private UInt128 Both(UInt128 id, UInt128 place)
    {
        Span<byte> both = stackalloc byte[32];
        BinaryPrimitives.WriteUInt128LittleEndian(both, id);
        BinaryPrimitives.WriteUInt128LittleEndian(both[16..], place);
        return Hash(both);
    }

    private static IdempotencyKey KeyOf(UInt128 hash) => new((ulong)(hash >> 64), (ulong)hash);
}
