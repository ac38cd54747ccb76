using System.Text.Json;

namespace CloudSync.LoadTest.Parts;

/// <param name="BootstrapServers">The brokers.</param>
/// <param name="Topic">Where messages go.</param>
/// <param name="Settings">Further ones, as on the command line of the sample.</param>
/// <param name="IsBare">Whether it is the <see cref="BareApi"/>.</param>
internal sealed record ApiSettings(string BootstrapServers, string Topic, string[] Settings, bool IsBare = false);

/// <summary>What a producer has seen since it was asked last.</summary>
/// <param name="Acknowledged">Messages.</param>
/// <param name="MeanMilliseconds">From the message's coming to its acknowledgement.</param>
/// <param name="P99Milliseconds">The same, of the slowest in a hundred.</param>
internal sealed record ProducerFigures(long Acknowledged, double MeanMilliseconds, double P99Milliseconds);

/// <summary>The sample's API, in a process of its own.</summary>
internal static class ApiPart
{
    public const string Name = "api";

    /// <summary>Asks for the <see cref="ProducerFigures"/>.</summary>
    public const string ProducerQuestion = "producer";

    public static async Task RunAsync(string json)
    {
        var settings = JsonSerializer.Deserialize<ApiSettings>(json)!;
        if (settings.IsBare)
        {
            await BareApi.RunAsync(settings);
            return;
        }

        using var meter = new OperationMeter("messaging.client.operation.duration");
        await using var app = IngestApi.Program.CreateHost(
            [
                "--Urls=http://127.0.0.1:0", "--Telemetry:Prometheus=false",
                $"--CloudSync:Producer:BootstrapServers={settings.BootstrapServers}", $"--CloudSync:Producer:Topic={settings.Topic}",
                // Only this machine can reach it, and it is meant to be asked as fast as it can answer.
                "--Ingest:Authentication:AllowAnonymous=true", "--Ingest:RateLimit:TokensPerSecond=0", .. settings.Settings,
            ],
            HostParts.SettingsOf("api"),
            HostParts.Quietly);
        await app.StartAsync();
        await PartLoop.RunAsync(app.Urls.First(), question => Task.FromResult<object?>(question == ProducerQuestion ? Figures(meter) : null));
        await app.StopAsync();
    }

    private static ProducerFigures Figures(OperationMeter meter)
    {
        var (count, mean, p99) = meter.Next();
        return new ProducerFigures(count, mean, p99);
    }
}
