using CloudSync.Measuring;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace CloudSync.LoadTest.Parts;

/// <summary>The <see cref="BareIngest"/>, with the settings of our <see cref="CloudSyncPreset.HighThroughput"/>.</summary>
internal static class BareApi
{
    public static async Task RunAsync(ApiSettings settings)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        using var producer = BareIngest.Producer(settings.BootstrapServers, lingerMs: 20, batchSize: 262_144);
        BareIngest.Map(app, producer, settings.Topic);
        await app.StartAsync();
        await PartLoop.RunAsync(app.Urls.First());
        await app.StopAsync();
    }
}
