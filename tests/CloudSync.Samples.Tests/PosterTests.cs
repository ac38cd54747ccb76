using System.Collections.Concurrent;
using System.Text.Json;
using Demo;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace CloudSync.Samples.Tests;

/// <summary>The poster against an API that answers as it is told.</summary>
public sealed class PosterTests : IAsyncLifetime
{
    private readonly ConcurrentQueue<string> _taken = [];
    private WebApplication _api = null!;
    private Func<int, int> _statusOfRequest = _ => 202;
    private int _requests;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private Uri Address => new(_api.Urls.First());

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        _api = builder.Build();
        _api.Run(AnswerAsync);
        await _api.StartAsync(Cancellation);
    }

    public async ValueTask DisposeAsync() => await _api.DisposeAsync();

    [Fact]
    public async Task Never_more_messages_are_unread_than_the_embedded_kafka_keeps()
    {
        // No cloud settles anything, and there is far more to post.
        var ledger = new Ledger(new DemoMessages("run1", 100_000), "aws", "azure");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var poster = new Poster(ledger, Address, rate: null);
        var posting = poster.RunAsync(stop.Token);

        while (ledger.Accepted < Poster.MaxOutstanding && !posting.IsCompleted)
            await Task.Delay(20, Cancellation);
        await stop.CancelAsync();
        await posting;

        Assert.InRange(ledger.Posted, Poster.MaxOutstanding, Poster.MaxOutstanding + (DemoMessages.Lanes * ledger.Messages.KeysPerLane));
    }

    [Fact]
    public async Task What_the_api_does_not_take_is_posted_again_before_the_next_message_of_its_key()
    {
        var ledger = new Ledger(new DemoMessages("run1", 800), "aws");
        _statusOfRequest = request => request % 7 == 3 ? 503 : 202;
        using var poster = new Poster(ledger, Address, rate: null);

        await poster.RunAsync(Cancellation);

        Assert.Equal(800, ledger.Accepted);
        Assert.True(poster.PostedAgain > 0);
        var numbers = _taken.Select(ledger.Messages.Number).ToList();
        foreach (var key in numbers.Distinct().GroupBy(ledger.Messages.KeyIndex))
            Assert.Equal(key.Order(), key);
    }

    [Fact]
    public async Task Some_messages_are_posted_twice_with_one_id()
    {
        var ledger = new Ledger(new DemoMessages("run1", 800), "aws");
        using var poster = new Poster(ledger, Address, rate: null);

        await poster.RunAsync(Cancellation);

        var twice = _taken.GroupBy(id => id).Where(g => g.Count() > 1).Select(g => ledger.Messages.Number(g.Key)).Order();
        Assert.Equal(Enumerable.Range(0, 800).Where(DemoMessages.IsPostedTwice), twice);
        Assert.Equal(16, poster.Duplicates);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var body = (await JsonDocument.ParseAsync(context.Request.Body, default, Cancellation)).RootElement;
        context.Response.StatusCode = _statusOfRequest(Interlocked.Increment(ref _requests));
        if (context.Response.StatusCode != 202)
            return;

        var ids = body.ValueKind == JsonValueKind.Array ? [.. body.EnumerateArray().Select(Id)] : new[] { Id(body) };
        foreach (var id in ids)
            _taken.Enqueue(id);
        await context.Response.WriteAsync(JsonSerializer.Serialize(new { results = ids.Select(id => new { status = 202, id }) }), Cancellation);
    }

    private static string Id(JsonElement message) => message.GetProperty("id").GetString()!;
}
