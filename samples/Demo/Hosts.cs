using CloudSync.Sdk;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Demo;

/// <summary>The three hosts in this process, each from its own Program and appsettings.json, with the demo's addresses and shorter waits.</summary>
internal sealed class Hosts(DemoKafka kafka, FileLog log) : IAsyncDisposable
{
    public static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(10);

    private readonly List<WebApplication> _hosts = [];

    /// <summary>The consumers, by their names, to be looked at.</summary>
    public IReadOnlyList<ICloudSyncConsumer> Consumers =>
        [_hosts[1].Services.GetRequiredKeyedService<ICloudSyncConsumer>("aws"), _hosts[2].Services.GetRequiredKeyedService<ICloudSyncConsumer>("azure")];

    /// <summary>Starts the API and returns its address.</summary>
    public async Task<Uri> StartApiAsync()
    {
        var app = IngestApi.Program.CreateHost(
            [
                "--Urls=http://127.0.0.1:0", "--Telemetry:Prometheus=false", $"--CloudSync:Producer:BootstrapServers={kafka.BootstrapServers}", $"--CloudSync:Producer:Topic={DemoKafka.Topic}",
                // Only this machine can reach it, and it is meant to post as fast as it can.
                "--Ingest:Authentication:AllowAnonymous=true", "--Ingest:RateLimit:TokensPerSecond=0",
            ],
            SettingsOf("api"),
            Quietly);
        await StartAsync(app);
        return new Uri(app.Urls.First());
    }

    public Task StartAwsAsync(BadDayEndpoint endpoint) =>
        StartAsync(AwsSyncHost.Program.CreateHost(Settings("Aws", endpoint), SettingsOf("aws"), Quietly));

    public Task StartAzureAsync(BadDayEndpoint endpoint) =>
        StartAsync(AzureSyncHost.Program.CreateHost([.. Settings("Azure", endpoint), "--CloudSync:Azure:MaxBatchSize=100"], SettingsOf("azure"), Quietly));

    /// <summary>Stops in order: nothing more comes in, what is there is drained, offsets are committed.</summary>
    public async Task StopAsync()
    {
        await _hosts[0].StopAsync();
        await Task.WhenAll(_hosts.Skip(1).Select(host => host.StopAsync()));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
            await host.DisposeAsync();
    }

    private async Task StartAsync(WebApplication host)
    {
        _hosts.Add(host);
        await host.StartAsync();
    }

    // A demo lasts seconds, so waits that are right for a cloud are too long here: 30 s for an answer, 60 s for a break.
    private string[] Settings(string cloud, BadDayEndpoint endpoint) =>
    [
        "--Urls=http://127.0.0.1:0",
        "--Telemetry:Prometheus=false",
        $"--CloudSync:{cloud}:BootstrapServers={kafka.BootstrapServers}",
        $"--CloudSync:{cloud}:Topic={DemoKafka.Topic}",
        $"--CloudSync:{cloud}:DeadLetters:Topic={DemoKafka.DeadLetterTopic}",
        $"--CloudSync:{cloud}:SinkTimeout=00:00:02",
        $"--CloudSync:{cloud}:DrainTimeout={DrainTimeout}",
        $"--CloudSync:{cloud}:Retry:InitialDelay=00:00:00.200",
        $"--CloudSync:{cloud}:Breaker:BreakDuration=00:00:02",
        $"--CloudSync:{cloud}Endpoint:Url={endpoint.Address}/events",
        $"--CloudSync:{cloud}Endpoint:ApiKey={Program.ApiKeyOf(endpoint.Cloud)}",
    ];

    private static string SettingsOf(string host) => Path.Combine(AppContext.BaseDirectory, "settings", host);

    private void Quietly(IHostApplicationBuilder builder)
    {
        builder.Logging.ClearProviders().AddProvider(log);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = DrainTimeout + TimeSpan.FromSeconds(5));
        builder.Services.AddSingleton<IHostLifetime, StoppedByTheDemo>();
    }

    /// <summary>A host of its own listens to Ctrl-C; three of them would all stop at once, in no order.</summary>
    private sealed class StoppedByTheDemo : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
