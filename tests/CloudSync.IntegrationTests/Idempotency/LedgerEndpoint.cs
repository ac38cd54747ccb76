using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace CloudSync.IntegrationTests.Idempotency;

/// <summary>An endpoint that writes down every request, may hold its answers, and may lose them.</summary>
internal sealed class LedgerEndpoint : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Func<string, int, bool> _losesAnswer;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<string>> _requests = new();
    private readonly ConcurrentDictionary<string, bool> _answered = new();
    private readonly ConcurrentDictionary<string, bool> _held = new();
    private int _room = int.MaxValue;

    private LedgerEndpoint(WebApplication app, Func<string, int, bool> losesAnswer) => (_app, _losesAnswer) = (app, losesAnswer);

    public string Url => _app.Urls.Single();

    /// <summary>The <c>Idempotency-Key</c> of each request for an id, in the order in which they came.</summary>
    public IReadOnlyDictionary<string, string[]> Requests => _requests.ToDictionary(r => r.Key, r => r.Value.ToArray());

    public int Distinct => _requests.Count;

    /// <summary>The ids for which an answer was given.</summary>
    public ICollection<string> Answered => _answered.Keys;

    /// <summary>The ids whose requests have come and got no answer.</summary>
    public ICollection<string> Held => _held.Keys;

    /// <summary>Starts one.</summary>
    /// <param name="losesAnswer">By the id and the number of its request: whether the connection is cut when the request has had its effect.</param>
    public static async Task<LedgerEndpoint> StartAsync(Func<string, int, bool>? losesAnswer = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var endpoint = new LedgerEndpoint(app, losesAnswer ?? ((_, _) => false));
        app.Run(endpoint.TakeAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return endpoint;
    }

    /// <summary>After so many further answers, requests are held and never answered.</summary>
    public void HoldAfter(int answers) => Volatile.Write(ref _room, answers);

    /// <summary>Requests that come from now on are answered.</summary>
    public void AnswerAgain() => Volatile.Write(ref _room, int.MaxValue);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        var id = context.Request.Headers["ce-id"].ToString();
        var requests = _requests.GetOrAdd(id, _ => new ConcurrentQueue<string>());
        requests.Enqueue(context.Request.Headers["Idempotency-Key"].ToString());
        await context.Request.Body.CopyToAsync(Stream.Null);
        if (Volatile.Read(ref _room) != int.MaxValue && Interlocked.Decrement(ref _room) < 0)
        {
            _held[id] = true;
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        if (_losesAnswer(id, requests.Count))
        {
            context.Abort();
            return;
        }

        _answered[id] = true;
    }
}
