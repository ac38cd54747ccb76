using System.Collections.Concurrent;
using System.Text.Json;
using Demo;
using Demo.Copies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace CloudSync.Samples.Tests;

/// <summary>The poster of three copies against an API that takes everything.</summary>
public sealed class CopiesPosterTests : IAsyncLifetime
{
    private const int Count = 1_000;

    private readonly ConcurrentQueue<(string Id, string Key)> _taken = [];
    private readonly CopiesLedger _ledger = new(new DemoMessages("run1", Count), "aws");
    private WebApplication _api = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

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
    public async Task Every_message_is_posted_three_times_one_of_them_with_another_key_and_the_last_much_later()
    {
        using var poster = new CopiesPoster(_ledger, new Uri(_api.Urls.First()));

        await poster.RunAsync(Task.CompletedTask, Cancellation);

        Assert.Equal(CopiesPoster.Copies * Count, _ledger.Accepted);
        var order = _taken.Select((copy, index) => (copy.Id, copy.Key, Index: index)).ToList();
        Assert.All(order.GroupBy(copy => copy.Id), copies =>
        {
            Assert.Equal(3, copies.Count());
            Assert.Equal([1, 2], copies.GroupBy(copy => copy.Key).Select(g => g.Count()).Order());
        });

        // Between the first copy and the last, others of the same lane were posted.
        var first = order.Where(copy => copy.Id == "run1-0").ToList();
        Assert.InRange(order.Take(first[^1].Index).Select(copy => copy.Id).Distinct().Count(), CopiesPoster.LateBy(Count) / DemoMessages.Lanes, Count);
    }

    [Fact]
    public async Task The_last_quarter_waits_until_it_may_be_posted()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var lastQuarter = new TaskCompletionSource();
        using var poster = new CopiesPoster(_ledger, new Uri(_api.Urls.First()));
        var posting = poster.RunAsync(lastQuarter.Task, stop.Token);

        while (_ledger.Posted < Count * 3 / 4)
            await Task.Delay(10, Cancellation);
        Assert.False(posting.IsCompleted);

        lastQuarter.SetResult();
        await posting;
        Assert.Equal(Count, _ledger.Posted);
    }

    [Fact]
    public async Task Strangers_are_posted_until_somebody_is_heard_and_none_of_them_is_ours()
    {
        using var poster = new CopiesPoster(_ledger, new Uri(_api.Urls.First()));

        await poster.KnockAsync(() => _taken.Count >= 100, Cancellation);

        Assert.All(_taken, copy => Assert.Equal(-1, _ledger.Messages.Number(copy.Id)));
        Assert.Equal(_taken.Count, _taken.Distinct().Count());
    }

    private async Task AnswerAsync(HttpContext context)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body, default, Cancellation);
        var copies = body.RootElement.EnumerateArray().Select(m => (m.GetProperty("id").GetString()!, m.GetProperty("key").GetString()!)).ToList();
        copies.ForEach(_taken.Enqueue);
        context.Response.StatusCode = 202;
        await context.Response.WriteAsync(JsonSerializer.Serialize(new { results = copies.Select(copy => new { status = 202, id = copy.Item1 }) }), Cancellation);
    }
}
