using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CloudSync.Samples.Tests.Hosting;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Samples.Tests.Deploy;

/// <summary>A dashboard or an alert that asks for a metric which nobody has stays empty, and silent.</summary>
public sealed partial class MetricNameTests
{
    [Fact]
    public async Task Every_metric_that_an_alert_or_the_dashboard_asks_for_is_there()
    {
        var cancelled = TestContext.Current.CancellationToken;
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("data-topic", partitions: 1);
        kafka.CreateTopic("data-topic-dlq", partitions: 1);
        await using var endpoint = await HeldEndpoint.StartAsync();
        var published = new HashSet<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            lock (published)
                published.UnionWith(NamesOf(instrument));
        };
        listener.Start();

        // One host that is scraped, of either kind: it has the runtime's metrics and the web server's too.
        await using var aws = AwsSyncHost.Program.CreateHost(
            ["--Urls=http://127.0.0.1:0", $"--CloudSync:Aws:BootstrapServers={kafka.BootstrapServers}", $"--CloudSync:AwsEndpoint:Url={endpoint.Url}", "--CloudSync:AwsEndpoint:ApiKey=k"],
            Path.Combine(Repository.Root, "samples/AwsSyncHost"),
            builder => builder.Logging.ClearProviders());
        await aws.StartAsync(cancelled);
        await using var api = IngestApi.Program.CreateHost(
            ["--Urls=http://127.0.0.1:0", $"--CloudSync:Producer:BootstrapServers={kafka.BootstrapServers}", "--Ingest:Authentication:AllowAnonymous=true"], Path.Combine(Repository.Root, "samples/IngestApi"),
            builder => builder.Logging.ClearProviders());
        await api.StartAsync(cancelled);
        await api.Services.GetRequiredService<ICloudSyncProducer>().ProduceAsync(new OutgoingMessage("{}"u8.ToArray()), cancelled);
        while (endpoint.Answered.IsEmpty)
            await Task.Delay(20, cancelled);

        // A delivery is counted once its answer is here, which is after the endpoint has given it.
        var scraped = NamesIn("");
        while (!scraped.Contains("cloudsync_consumer_delivered_total"))
            scraped = NamesIn(await ScrapeAsync(aws, cancelled) + await ScrapeAsync(api, cancelled));
        string[] known;
        lock (published)
            known = [.. published, .. scraped, "up"];
        var asked = Asked().ToList();

        Assert.NotEmpty(asked);
        Assert.Empty(asked.Except(known));

        // The rule by which names are made is the exporter's: what was scraped is all as expected.
        Assert.Contains("cloudsync_consumer_delivered_total", scraped);
        Assert.Contains("messaging_process_duration_seconds_bucket", scraped);
        Assert.Empty(scraped.Where(name => name.StartsWith("cloudsync_consumer", StringComparison.Ordinal) || name.StartsWith("messaging", StringComparison.Ordinal)).Except(published));
        await aws.StopAsync(cancelled);
        await api.StopAsync(cancelled);
    }

    private static async Task<string> ScrapeAsync(WebApplication app, CancellationToken cancelled)
    {
        using var client = new HttpClient();
        return await client.GetStringAsync(new Uri(app.Urls.First() + "/metrics"), cancelled);
    }

    private static HashSet<string> NamesIn(string scrape) =>
        [.. scrape.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('{', ' ')[0])];

    private static IEnumerable<string> NamesOf(Instrument instrument)
    {
        var type = instrument.GetType().Name;
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        var name = instrument.Name.Replace('.', '_') + unit;
        return type.StartsWith("Histogram", StringComparison.Ordinal) ? [name + "_bucket", name + "_sum", name + "_count"]
            : type.Contains("Counter", StringComparison.Ordinal) ? [name + "_total"]
            : [name];
    }

    private static IEnumerable<string> Asked()
    {
        var expressions = DeployFiles.Yaml("prometheus/alerts.yml").Single()["groups"]!.AsArray().SelectMany(g => g!["rules"]!.AsArray()).Select(rule => (string)rule!["expr"]!)
            .Concat(DeployFiles.Descendants(JsonNode.Parse(DeployFiles.Read("grafana/dashboards/cloudsync.json")))
                .OfType<JsonObject>().Where(o => o.ContainsKey("expr")).Select(o => (string)o["expr"]!));
        foreach (var expression in expressions)
        {
            // Labels of a selection or a grouping are no metrics.
            var bare = Groupings.Replace(Selections.Replace(expression, ""), "");
            foreach (Match metric in Metrics.Matches(bare))
                yield return metric.Value;
        }
    }

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Selections { get; }

    [GeneratedRegex(@"\b(by|without|on|ignoring) ?\([^)]*\)")]
    private static partial Regex Groupings { get; }

    [GeneratedRegex(@"\b(up|(cloudsync|messaging|dotnet|http)_\w+)\b")]
    private static partial Regex Metrics { get; }
}
