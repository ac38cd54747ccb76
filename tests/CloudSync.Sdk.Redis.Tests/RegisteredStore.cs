using System.Diagnostics;
using CloudSync.Sdk.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests;

/// <summary>A store as a host gets it: registered with a consumer, by its settings, with a log that can be looked at.</summary>
internal sealed class RegisteredStore : IAsyncDisposable
{
    public static readonly TimeSpan Lease = TimeSpan.FromHours(1);

    private readonly ServiceProvider _services;

    public RegisteredStore(
        Action<RedisIdempotencyOptions> configure, Action<ConfigurationOptions>? configureClient = null, Action<CloudSyncConsumerOptions>? configureConsumer = null)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.AddFakeLogging());
        services.AddCloudSyncConsumer("aws")
            .UseSink(_ => new RecordingSink())
            .Configure(options => options.BootstrapServers = "nowhere:9092")
            .Configure(options => options.Idempotency.StoreTimeout = TimeSpan.FromSeconds(1))
            .Configure(configureConsumer ?? (_ => { }))
            .UseRedisIdempotency(
                configure,
                client =>
                {
                    client.ConnectTimeout = 500;
                    configureClient?.Invoke(client);
                });
        _services = services.BuildServiceProvider();
        Store = _services.GetRequiredKeyedService<IIdempotencyStore>("aws");
    }

    public IIdempotencyStore Store { get; }

    public FakeLogCollector Log => _services.GetFakeLogCollector();

    public string LogText => string.Join('\n', Log.GetSnapshot().Select(record => $"{record.Id.Id} {record.Message} {record.Exception}"));

    public int Logged(int id) => Log.GetSnapshot().Count(record => record.Id.Id == id);

    /// <summary>Claims, and says what became of each: 'a'cquired, 't'aken over, 'c'ompleted, 'h'eld.</summary>
    public async Task<string> LettersAsync(params int[] ids)
    {
        var results = new ClaimResult[ids.Length];
        await Store.ClaimAsync(ids.Select(StoreUnderTest.Id).ToArray(), Lease, results, CancellationToken.None);
        return StoreUnderTest.Letters(results);
    }

    public async Task<IdempotencyClaim> AcquireAsync(int id)
    {
        var results = new ClaimResult[1];
        await Store.ClaimAsync(new[] { StoreUnderTest.Id(id) }, Lease, results, CancellationToken.None);
        Assert.Equal(ClaimStatus.Acquired, results[0].Status);
        return new IdempotencyClaim(StoreUnderTest.Id(id), results[0].Token);
    }

    public async Task<bool> CompleteAsync(IdempotencyClaim claim)
    {
        var results = new bool[1];
        await Store.CompleteAsync(new[] { claim }, results, CancellationToken.None);
        return results[0];
    }

    /// <summary>Claims again and again until it is answered. What is thrown meanwhile must be this package's own.</summary>
    public async Task<string> AnswerAsync(params int[] ids)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await LettersAsync(ids);
            }
            catch (RedisStoreException) when (patience.Elapsed < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(20);
            }
        }
    }

    /// <summary>Claims until the answer is this one.</summary>
    public async Task UntilAsync(string letters, params int[] ids)
    {
        var patience = Stopwatch.StartNew();
        for (var answer = await LettersAsync(ids); answer != letters; answer = await LettersAsync(ids))
        {
            if (patience.Elapsed > TimeSpan.FromSeconds(30))
                Assert.Fail($"The claims were answered '{answer}' and not '{letters}' for 30 s.");

            await Task.Delay(1);
        }
    }

    /// <summary>Claims until it fails with these words: before, the client may only know that it is not connected yet.</summary>
    public async Task<RedisStoreException> ErrorAsync(string words)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            var error = await Assert.ThrowsAsync<RedisStoreException>(() => LettersAsync(1));
            if (error.Message.Contains(words, StringComparison.Ordinal))
                return error;
            if (patience.Elapsed > TimeSpan.FromSeconds(30))
                Assert.Fail($"No claim failed with '{words}' for 30 s, but: {error}");
        }
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
