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

    private static SyncMessage Place(string topic, int partition, long offset) =>
        SyncMessage.Create(default(ReadOnlyMemory<byte>), topic: topic, partition: partition, offset: offset);
}
