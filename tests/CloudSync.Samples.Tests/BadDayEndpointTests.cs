using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Demo;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CloudSync.Samples.Tests;

/// <summary>The endpoint over real connections, after its one event of a day of one message: the answer to the first request is lost.</summary>
public sealed class BadDayEndpointTests : IAsyncLifetime
{
    private readonly Ledger _ledger = new(new DemoMessages("run1", 100), "aws");
    private readonly HttpClient _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = 1 });
    private BadDayEndpoint _endpoint = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private CloudLedger Aws => _ledger["aws"];

    public async ValueTask InitializeAsync()
    {
        _endpoint = await BadDayEndpoint.StartAsync(Aws, new BadDay(1, 1, TimeProvider.System), "x-api-key", "key", NullLoggerProvider.Instance);
        _client.BaseAddress = new Uri(_endpoint.Address);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _endpoint.DisposeAsync();
    }

    [Fact]
    public async Task A_message_whose_answer_was_lost_comes_again_and_is_counted_apart()
    {
        await Assert.ThrowsAsync<HttpRequestException>(() => PostAsync(1));

        using var again = await PostAsync(1);

        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        Assert.Equal((1, 1, 0), (Aws.Accepted, Aws.Repeated, Aws.RepeatedForNothing.Count));
    }

    [Fact]
    public async Task A_message_that_comes_again_on_the_connection_of_its_answer_has_no_excuse()
    {
        await LoseTheFirstAnswerAsync();

        using var first = await PostAsync(1);
        using var again = await PostAsync(1);

        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        Assert.Equal(["run1-1"], Aws.RepeatedForNothing.Ids);
    }

    [Fact]
    public async Task A_request_without_the_right_key_is_refused_and_accepted_nowhere()
    {
        await LoseTheFirstAnswerAsync();

        using var answer = await PostAsync(1, apiKey: "another");

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.False(Aws.IsSettled(1));
    }

    [Fact]
    public async Task Poison_is_refused()
    {
        await LoseTheFirstAnswerAsync();
        Assert.True(DemoMessages.IsPoison(3));

        using var answer = await PostAsync(3);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(1, _endpoint.Refused);
    }

    [Fact]
    public async Task A_batch_is_answered_message_by_message_and_its_payloads_are_compared_as_they_came()
    {
        await LoseTheFirstAnswerAsync();
        const string Stranger = """{"specversion":"1.0","id":"data-topic-3-17","data_base64":"aGVsbG8="}""";

        using var answer = await SendAsync($"[{Event(1)},{Event(3)},{Event(2)},{Stranger}]", "application/cloudevents-batch+json");

        Assert.Equal(HttpStatusCode.MultiStatus, answer.StatusCode);
        var results = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancellation)).RootElement.GetProperty("results");
        Assert.Equal(
            "run1-1 202, run1-3 400, run1-2 202, data-topic-3-17 202",
            string.Join(", ", results.EnumerateArray().Select(r => $"{r.GetProperty("id")} {r.GetProperty("status")}")));
        Assert.Equal(0, Aws.Altered.Count);
        Assert.Equal("hello", Assert.Single(Aws.LastForeign()).Beginning);
    }

    [Fact]
    public async Task A_stranger_finds_his_message_in_the_ledger()
    {
        await LoseTheFirstAnswerAsync();
        using var accepted = await SendAsync("hello", "application/octet-stream", id: "data-topic-3-17");

        var ledger = JsonDocument.Parse(await _client.GetStringAsync(new Uri("/ledger", UriKind.Relative), Cancellation)).RootElement;

        Assert.Equal(1, ledger.GetProperty("acceptedFromElsewhere").GetInt32());
        Assert.Equal("data-topic-3-17", ledger.GetProperty("lastFromElsewhere")[0].GetProperty("id").GetString());
        Assert.Equal("hello", ledger.GetProperty("lastFromElsewhere")[0].GetProperty("beginning").GetString());
    }

    private string Event(int n) =>
        $$"""{"specversion":"1.0","id":"run1-{{n}}","data":{{Encoding.UTF8.GetString(_ledger.Messages.Payload(n))}}}""";

    private async Task LoseTheFirstAnswerAsync() => await Assert.ThrowsAsync<HttpRequestException>(() => PostAsync(99));

    private Task<HttpResponseMessage> PostAsync(int n, string apiKey = "key") =>
        SendAsync(Encoding.UTF8.GetString(_ledger.Messages.Payload(n)), "application/json", _ledger.Messages.Id(n), apiKey);

    private async Task<HttpResponseMessage> SendAsync(string body, string contentType, string? id = null, string apiKey = "key")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/events", UriKind.Relative))
        {
            Content = new StringContent(body, MediaTypeHeaderValue.Parse(contentType)),
        };
        request.Headers.Add("x-api-key", apiKey);
        if (id is not null)
        {
            request.Headers.Add("ce-id", id);
            request.Headers.Add("Idempotency-Key", id);
        }

        return await _client.SendAsync(request, Cancellation);
    }
}
