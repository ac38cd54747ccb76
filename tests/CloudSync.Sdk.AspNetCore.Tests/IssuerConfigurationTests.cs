using System.Net;
using System.Net.Sockets;
using CloudSync.Sdk.Ingest;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>An issuer that fails or does not answer is asked once, for all who wait.</summary>
public sealed class IssuerConfigurationTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly LogOfTheTest _log = new();
    private readonly Issuer _issuer = new();
    private readonly IssuerConfiguration _configuration;

    public IssuerConfigurationTests() => _configuration = new IssuerConfiguration(_issuer, "https://issuer.example", _log.CreateLogger(""), _time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _log.Dispose();

    [Fact]
    public async Task All_wait_for_the_same_attempt_and_who_gives_up_does_not_end_it()
    {
        using var impatient = new CancellationTokenSource();
        var first = _configuration.GetConfigurationAsync(impatient.Token);
        var others = Enumerable.Range(0, 20).Select(_ => _configuration.GetBaseConfigurationAsync(Cancellation)).ToArray();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);

        var answer = new OpenIdConnectConfiguration();
        _issuer.Last.SetResult(answer);

        Assert.All(await Task.WhenAll(others).WaitAsync(TimeSpan.FromSeconds(30), Cancellation), given => Assert.Same(answer, given));
        Assert.Equal(1, _issuer.Asked);
    }

    [Fact]
    public async Task A_failure_is_said_once_and_remembered_for_a_while()
    {
        var waits = _configuration.GetConfigurationAsync(Cancellation);
        _issuer.Last.SetException(new IOException("no route"));
        await Assert.ThrowsAsync<IssuerUnreachableException>(() => waits);

        _time.Advance(IssuerConfiguration.Pause - TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 10; i++)
            Assert.True(_configuration.GetConfigurationAsync(Cancellation).IsFaulted);
        Assert.Equal(1, _issuer.Asked);
        Assert.Contains("no route", Assert.Single(_log.Entries).Text, StringComparison.Ordinal);

        _time.Advance(TimeSpan.FromMilliseconds(1));
        var later = _configuration.GetConfigurationAsync(Cancellation);
        _issuer.Last.SetResult(new OpenIdConnectConfiguration());
        await later;
        Assert.Equal(2, _issuer.Asked);
    }

    [Fact]
    public async Task An_attempt_that_takes_longer_than_callers_wait_is_a_failure_and_what_it_brings_is_there_for_the_next()
    {
        var waits = _configuration.GetConfigurationAsync(Cancellation);
        _time.Advance(TimeSpan.FromSeconds(5) - TimeSpan.FromMilliseconds(1));
        Assert.False(waits.IsCompleted);

        _time.Advance(TimeSpan.FromMilliseconds(1));
        await Assert.ThrowsAsync<IssuerUnreachableException>(() => waits).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Contains("not answered within 5 s", Assert.Single(_log.Entries).Text, StringComparison.Ordinal);

        _issuer.Last.SetResult(new OpenIdConnectConfiguration());
        _time.Advance(IssuerConfiguration.Pause);
        var later = _configuration.GetConfigurationAsync(Cancellation);
        _issuer.Last.SetResult(new OpenIdConnectConfiguration());
        await later.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Equal(2, _issuer.Asked);
    }

    [Fact]
    public async Task What_is_there_comes_from_the_library_each_time_which_renews_it()
    {
        for (var i = 1; i <= 3; i++)
        {
            var waits = _configuration.GetConfigurationAsync(Cancellation);
            _issuer.Last.SetResult(new OpenIdConnectConfiguration());
            await waits;
            Assert.Equal(i, _issuer.Asked);
        }

        _configuration.RequestRefresh();
        Assert.True(_issuer.IsRefreshed);
    }

    [Fact]
    public async Task While_the_issuer_swallows_what_it_is_sent_all_callers_are_answered_with_503_after_one_attempt()
    {
        using var tokens = new Tokens();
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var connections = new List<TcpClient>();
        var accepts = Task.Run(
            async () =>
            {
                while (true)
                    connections.Add(await silent.AcceptTcpClientAsync(Cancellation));
            },
            Cancellation);
        var producer = new FakeProducer();
        await using var door = await FrontDoor.StartAsync(
            producer, $"--Ingest:Authentication:Authority=http://{silent.LocalEndpoint}", $"--Ingest:Authentication:Audience={Tokens.Audience}");

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => door.PostAsync("/api/sync", "{}", headers: ("Authorization", "Bearer " + tokens.Good()))));

        Assert.All(answers, answer => Assert.Equal((503, true), (answer.Status, answer.IsProblem)));
        Assert.Empty(producer.Queued);
        Assert.Single(door.Log.Entries, e => e.Level == LogLevel.Warning && e.Text.Contains("Authentication:Authority", StringComparison.Ordinal));
        silent.Stop();
        await accepts.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

        // The library itself sends what was not answered a second time, and waits no longer for it than our callers do.
        Assert.Equal(IssuerConfiguration.Timeout, door.App.Services.GetRequiredService<IOptionsMonitor<JwtBearerOptions>>().Get(TokenChecks.Scheme).Backchannel.Timeout);
        Assert.InRange(connections.Count, 1, 2);
        connections.ForEach(connection => connection.Dispose());
    }

    private sealed class Issuer : IConfigurationManager<OpenIdConnectConfiguration>
    {
        public int Asked { get; private set; }

        public bool IsRefreshed { get; private set; }

        public TaskCompletionSource<OpenIdConnectConfiguration> Last { get; private set; } = new();

        public Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel)
        {
            Asked++;
            Last = new TaskCompletionSource<OpenIdConnectConfiguration>();
            return Last.Task.WaitAsync(cancel);
        }

        public void RequestRefresh() => IsRefreshed = true;
    }
}
