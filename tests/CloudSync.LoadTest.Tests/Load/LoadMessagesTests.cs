using System.Buffers;
using System.Text;
using System.Text.Json;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Load;
using Xunit;

namespace CloudSync.LoadTest.Tests.Load;

public sealed class LoadMessagesTests
{
    private static readonly DateTimeOffset Due = new(2026, 11, 30, 12, 0, 0, 123, 456, TimeSpan.Zero);

    [Theory]
    [InlineData(LoadMessages.LeastPayload)]
    [InlineData(256)]
    [InlineData(10_000)]
    public void A_message_is_what_the_api_takes(int payloadBytes)
    {
        var messages = new LoadMessages("run", payloadBytes, 1_000);
        var body = new ArrayBufferWriter<byte>();

        messages.Write(body, 12_345, Due);

        using var json = JsonDocument.Parse(body.WrittenMemory);
        Assert.Equal("run-000000012345", json.RootElement.GetProperty("id").GetString());
        Assert.Equal("customer-345", json.RootElement.GetProperty("key").GetString());
        var data = json.RootElement.GetProperty("data");
        Assert.Equal(payloadBytes, Encoding.UTF8.GetByteCount(data.GetRawText()));
        Assert.Equal(LoadMessages.Microseconds(Due), data.GetProperty("due").GetInt64());
        Assert.Equal(data.GetRawText(), Encoding.UTF8.GetString(messages.PayloadOf(12_345, Due)));
        Assert.Equal(messages.IdOf(12_345), json.RootElement.GetProperty("id").GetString());
        Assert.Equal(messages.KeyOf(12_345), json.RootElement.GetProperty("key").GetString());
    }

    [Fact]
    public void An_endpoint_finds_the_messages_of_its_run_in_a_batch_of_events()
    {
        var messages = new LoadMessages("run", 256, 1_000);
        var body = "[" + string.Join(',', Enumerable.Range(0, 600).Select(number => Event(messages, number))) + "]";

        var (found, foreign) = Read(messages, body);

        Assert.Equal(Enumerable.Range(0, 600).Select(number => ((long)number, LoadMessages.Microseconds(Due.AddMicroseconds(number)))), found);
        Assert.Equal(0, foreign);
    }

    [Fact]
    public void What_is_no_message_of_the_run_is_counted()
    {
        var messages = new LoadMessages("run", 256, 1_000);
        var other = new LoadMessages("other", 256, 1_000);
        var body = $$$"""[{{{Event(other, 1)}}},{{{Event(messages, 2)}}},{"specversion":"1.0","id":"run-3","data":{"due":1}},{"specversion":"1.0","id":"run-000000000004"}]""";

        var (found, foreign) = Read(messages, body);

        Assert.Equal(2, found.Single().Number);
        Assert.Equal(3, foreign);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("no JSON")]
    [InlineData("""[{"specversion":"1.0","id":""")]
    public void Rubbish_has_no_message(string body) => Assert.Empty(Read(new LoadMessages("run", 256, 1_000), body).Found);

    private static string Event(LoadMessages messages, long number) =>
        $$$"""{"specversion":"1.0","id":"{{{messages.IdOf(number)}}}","source":"cloudsync","partitionkey":"{{{messages.KeyOf(number)}}}","data":{{{Encoding.UTF8.GetString(messages.PayloadOf(number, Due.AddMicroseconds(number)))}}} }""";

    private static (IReadOnlyList<(long Number, long Due)> Found, int Foreign) Read(LoadMessages messages, string body)
    {
        var found = new (long Number, long Due)[1];
        var foreign = new Events(messages.Run, messages.PayloadBytes).Read(Encoding.UTF8.GetBytes(body), ref found, out var count);
        return (found[..count], foreign);
    }
}
