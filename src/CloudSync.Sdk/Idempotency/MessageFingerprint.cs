using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace CloudSync.Sdk;

/// <summary>Turns message ids into the keys of the idempotency store: 128 bits of the id, seeded by the consumer group, so that groups may share a store.</summary>
/// <remarks>With n ids remembered, the chance that any two of them collide is about n² / 2^129: at 360 million ids, one in 10^21.</remarks>
internal sealed class MessageFingerprint(string groupId)
{
    private readonly long _seed = (long)XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(groupId));

    public IdempotencyKey Of(SyncMessage message)
    {
        if (message.TryGetIdBytes(out var id))
            return Of(id);

        // No id: the place is one. Binary, and longer by a zero byte than no text id can be equal to it by accident. A topic that was deleted and made anew begins at
        // offset 0 again, and its messages are not those that were delivered from there before: the time tells them apart.
        Span<byte> place = stackalloc byte[21 + 256];
        var topic = Encoding.UTF8.GetBytes(message.Topic, place[21..]);
        BinaryPrimitives.WriteInt64LittleEndian(place[13..], message.TimestampMs);
        place[12] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(place, message.Partition);
        BinaryPrimitives.WriteInt64LittleEndian(place[4..], message.Offset);
        return Of(place[..(21 + topic)]);
    }

    private IdempotencyKey Of(ReadOnlySpan<byte> bytes)
    {
        var hash = XxHash128.HashToUInt128(bytes, _seed);
        return new IdempotencyKey((ulong)(hash >> 64), (ulong)hash);
    }
}
