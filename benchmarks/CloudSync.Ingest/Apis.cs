using CloudSync.Measuring;
using CloudSync.Sdk;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace CloudSync.Ingest;

/// <summary>The two that are compared, each in a process of its own: it writes its address to standard output, and ends with standard input.</summary>
internal static class Apis
{
    public const string Ours = "ours";
    public const string Bare = "bare";

    public static async Task RunAsync(string which, string bootstrapServers, string topic)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        if (which == Ours)
        {
            builder.Services.AddCloudSyncProducer(options => (options.BootstrapServers, options.Topic) = (bootstrapServers, topic));
            builder.Services.AddCloudSyncIngest(options => (options.Authentication.AllowAnonymous, options.RateLimit.TokensPerSecond) = (true, 0));
        }

        await using var app = builder.Build();
        using var producer = which == Ours ? null : BareIngest.Producer(bootstrapServers, lingerMs: 5, batchSize: 65_536);
        if (producer is null)
        {
            app.UseCloudSyncIngest();
            app.MapCloudSyncIngest();
        }
        else
        {
            BareIngest.Map(app, producer, topic);
        }

        await app.StartAsync();
        await Console.Out.WriteLineAsync(app.Urls.First());
        await Console.In.ReadToEndAsync();
        await app.StopAsync();
    }
}
