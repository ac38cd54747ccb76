using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class MessageFingerprintTests
{
    private readonly MessageFingerprint _fingerprint = new("aws-sync-group");

    [Property]
    public void The_id_alone_decides_wherever_the_record_stands(FsCheck.NonEmptyString id, int partition, long offset) => Assert.Equal(
        _fingerprint.Of(SyncMessage.Create(default(ReadOnlyMemory<byte>), id: id.Get)),
        _fingerprint.Of(SyncMessage.Create("v"u8.ToArray(), "k", id.Get, topic: "other", partition: partition, offset: offset)));

    [Fact]
    public void Groups_that_share_a_store_do_not_see_each_others_ids()
    {
        var message = SyncMessage.Create(default(ReadOnlyMemory<byte>), id: "1");

        Assert.NotEqual(_fingerprint.Of(message), new MessageFingerprint("azure-sync-group").Of(message));
        Assert.Equal(_fingerprint.Of(message), new MessageFingerprint("aws-sync-group").Of(message));
    }

    [Fact]
    public void Without_an_id_the_place_is_one()
    {
        var places = new[] { ("t", 0, 0L), ("t", 0, 1L), ("t", 1, 0L), ("u", 0, 0L), ("", 0, 0L), ("t", -1, -1L) };
        var keys = places.Select(p => _fingerprint.Of(Place(p.Item1, p.Item2, p.Item3))).ToArray();

        Assert.Equal(places.Length, keys.Distinct().Count());
        Assert.Equal(keys[0], _fingerprint.Of(Place("t", 0, 0)));
    }

    [Fact]
    public void A_place_is_never_taken_for_the_id_that_is_written_like_it() => Assert.NotEqual(
        _fingerprint.Of(Place("t", 0, 7)),
        _fingerprint.Of(SyncMessage.Create(default(ReadOnlyMemory<byte>), id: "t-0-7")));

    [Fact]
    public void The_longest_name_of_a_topic_fits() =>
        Assert.NotEqual(_fingerprint.Of(Place(new string('t', 249), 0, 0)), _fingerprint.Of(Place(new string('t', 248), 0, 0)));

    [Fact]
    public void With_the_offset_in_it_each_copy_of_a_producer_is_a_message_and_a_record_that_is_read_again_is_not()
    {
        var fingerprint = new MessageFingerprint("g", IdempotencyKeyStrategy.MessageIdAndOffset);
        var keys = new[] { ("1", 0, 0L), ("1", 0, 1L), ("1", 1, 0L), ("2", 0, 0L) }
            .Select(m => fingerprint.Of(SyncMessage.Create("v"u8.ToArray(), id: m.Item1, partition: m.Item2, offset: m.Item3))).ToArray();

        Assert.Equal(4, keys.Distinct().Count());
        Assert.Equal(keys[0], fingerprint.Of(SyncMessage.Create("v"u8.ToArray(), id: "1", partition: 0, offset: 0)));
        Assert.NotEqual(keys[0], new MessageFingerprint("g").Of(SyncMessage.Create("v"u8.ToArray(), id: "1")));
    }

    [Fact]
    public void By_the_place_alone_the_id_does_not_matter()
    {
        var fingerprint = new MessageFingerprint("g", IdempotencyKeyStrategy.Place);
        var message = SyncMessage.Create("v"u8.ToArray(), id: "1", offset: 7);

        Assert.Equal(fingerprint.Of(message), fingerprint.Of(SyncMessage.Create("v"u8.ToArray(), id: "2", offset: 7)));
        Assert.Equal(fingerprint.Of(message), new MessageFingerprint("g").Of(SyncMessage.Create("v"u8.ToArray(), offset: 7)));
        Assert.NotEqual(fingerprint.Of(message), fingerprint.Of(SyncMessage.Create("v"u8.ToArray(), id: "1", offset: 8)));
    }

    [Fact]
    public void A_text_of_the_users_own_decides_where_there_is_one()
    {
        var fingerprint = new MessageFingerprint("g", keyOf: message => message.Id switch { "none" => null, "empty" => "", var id => id[..1] });

        Assert.Equal(fingerprint.Of(Id("ab", 1)), fingerprint.Of(Id("ac", 2)));
        Assert.NotEqual(fingerprint.Of(Id("ab", 1)), fingerprint.Of(Id("bb", 1)));
        Assert.NotEqual(fingerprint.Of(Id("none", 1)), fingerprint.Of(Id("none", 2)));
        Assert.Equal(fingerprint.Of(Id("none", 1)), fingerprint.Of(Id("empty", 1)));

        static SyncMessage Id(string id, long offset) => SyncMessage.Create("v"u8.ToArray(), id: id, offset: offset);
    }

    private static SyncMessage Place(string topic, int partition, long offset) =>
        SyncMessage.Create(default(ReadOnlyMemory<byte>), topic: topic, partition: partition, offset: offset);
}
