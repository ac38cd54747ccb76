using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudSync.LoadTest.Parts;

/// <param name="Cloud"><c>aws</c> or <c>azure</c>.</param>
/// <param name="BootstrapServers">The brokers.</param>
/// <param name="Topic">Where messages come from.</param>
/// <param name="DeadLetterTopic">Where they are kept.</param>
/// <param name="Group">The consumer group.</param>
/// <param name="Endpoint">Where they go.</param>
/// <param name="Redis">The server that remembers ids; <see langword="null"/> for the memory of the process.</param>
/// <param name="Settings">Further ones of the consumer, by name.</param>
/// <param name="IsBare">Whether it is the <see cref="BareConsumer"/>.</param>
internal sealed record ConsumerSettings(
    string Cloud, string BootstrapServers, string Topic, string DeadLetterTopic, string Group, string Endpoint, string? Redis, Dictionary<string, string> Settings, bool IsBare = false);

/// <summary>What a consumer has seen.</summary>
/// <param name="DeadLetters">Messages kept as dead letters, in all.</param>
/// <param name="Retries">Attempts that failed and were tried again, in all.</param>
/// <param name="Calls">Calls of the sink since this was asked last.</param>
/// <param name="MeanCallMilliseconds">Of one of them.</param>
/// <param name="MaxConcurrency">Calls that may run at the same time.</param>
/// <param name="Partitions">Partitions owned.</param>
/// <param name="Lag">As it says itself.</param>
internal sealed record ConsumerFigures(long DeadLetters, long Retries, long Calls, double MeanCallMilliseconds, int MaxConcurrency, int Partitions, long Lag);

/// <summary>The sample host of a cloud, in a process of its own.</summary>
internal static class ConsumerPart
{
    /// <summary>Asks for the <see cref="ConsumerFigures"/>.</summary>
    public const string ConsumerQuestion = "consumer";

    public static async Task RunAsync(string json)
    {
        var settings = JsonSerializer.Deserialize<ConsumerSettings>(json)!;
        if (settings.IsBare)
        {
            await BareConsumer.RunAsync(settings);
            return;
        }

        using var calls = new OperationMeter("messaging.process.duration");
        using var counts = new Counts();
        await using var app = CreateHost(settings);
        await app.StartAsync();
        var consumer = app.Services.GetRequiredKeyedService<ICloudSyncConsumer>(settings.Cloud);
        await PartLoop.RunAsync(app.Urls.First(), question => Task.FromResult<object?>(question == ConsumerQuestion ? Figures(consumer, calls, counts) : null));
        await app.StopAsync();
    }

    private static WebApplication CreateHost(ConsumerSettings settings)
    {
        var isAws = settings.Cloud == "aws";
        var section = $"--CloudSync:{(isAws ? "Aws" : "Azure")}";
        string[] args =
        [
            "--Urls=http://127.0.0.1:0", "--Telemetry:Prometheus=false",
            $"{section}:BootstrapServers={settings.BootstrapServers}", $"{section}:Topic={settings.Topic}", $"{section}:GroupId={settings.Group}",
            $"{section}:DeadLetters:Topic={settings.DeadLetterTopic}",
            $"{section}Endpoint:Url={settings.Endpoint}", $"{section}Endpoint:Mode=Batch", $"{section}Endpoint:ApiKey=load-test",
            .. settings.Redis is { } redis ? [$"--CloudSync:Redis:Endpoints={redis}"] : Array.Empty<string>(),
            .. settings.Settings.Select(setting => $"{section}:{setting.Key}={setting.Value}"),
        ];
        Func<string[], string?, Action<IHostApplicationBuilder>?, WebApplication> create = isAws ? AwsSyncHost.Program.CreateHost : AzureSyncHost.Program.CreateHost;
        return create(args, HostParts.SettingsOf(settings.Cloud), HostParts.Quietly);
    }

    private static ConsumerFigures Figures(ICloudSyncConsumer consumer, OperationMeter calls, Counts counts)
    {
        var (count, mean, _) = calls.Next();
        var status = consumer.Status;
        return new ConsumerFigures(counts.DeadLetters, counts.Retries, count, mean, status.ConcurrencyLimit, status.Partitions, status.Lag);
    }

    /// <summary>Counters of the SDK.</summary>
    private sealed class Counts : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _deadLetters;
        private long _retries;

        public Counts()
        {
            _listener.InstrumentPublished = (published, listener) =>
            {
                if (published.Name is "cloudsync.consumer.dead_letters" or "cloudsync.consumer.retries")
                    listener.EnableMeasurementEvents(published);
            };
            _listener.SetMeasurementEventCallback<long>((instrument, count, _, _) =>
                Interlocked.Add(ref instrument.Name == "cloudsync.consumer.retries" ? ref _retries : ref _deadLetters, count));
            _listener.Start();
        }

        public long DeadLetters => Volatile.Read(ref _deadLetters);

        public long Retries => Volatile.Read(ref _retries);

        public void Dispose() => _listener.Dispose();
    }
}
