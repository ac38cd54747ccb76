using System.Text.Json;
using Demo;
using Xunit;

namespace CloudSync.Samples.Tests;

public sealed class DemoMessagesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(99)]
    [InlineData(10_000)]
    public void Every_id_leads_back_to_its_number(int count)
    {
        var messages = new DemoMessages("run1", count);

        Assert.All(Enumerable.Range(0, count), n => Assert.Equal(n, messages.Number(messages.Id(n))));
    }

    [Theory]
    [InlineData(99)]
    [InlineData(10_000)]
    public void A_key_belongs_to_one_lane_and_its_sequence_rises_without_a_repeat(int count)
    {
        var messages = new DemoMessages("run1", count);

        foreach (var key in Enumerable.Range(0, count).GroupBy(messages.KeyIndex))
        {
            Assert.Single(key.Select(n => n % DemoMessages.Lanes).Distinct());
            Assert.Equal(Enumerable.Range(0, key.Count()), key.Select(messages.Sequence));
        }
    }

    [Fact]
    public void A_batch_as_large_as_a_lane_has_keys_never_holds_two_messages_of_one_key()
    {
        var messages = new DemoMessages("run1", 10_000);
        var lane = Enumerable.Range(0, 10_000).Where(n => n % DemoMessages.Lanes == 3).ToList();

        Assert.All(lane.Chunk(messages.KeysPerLane), batch => Assert.Equal(batch.Length, batch.Select(messages.KeyIndex).Distinct().Count()));
    }

    [Fact]
    public void A_payload_is_json_of_less_than_500_bytes_and_says_whether_it_is_poison()
    {
        var messages = new DemoMessages("run1231235959123456", 10_000_000);
        foreach (var n in new[] { 0, 3, 9_999_999 })
        {
            var payload = messages.Payload(n);

            Assert.InRange(payload.Length, 1, 200);
            Assert.Equal(DemoMessages.IsPoison(n), JsonDocument.Parse(payload).RootElement.GetProperty("poison").GetBoolean());
        }
    }
}
