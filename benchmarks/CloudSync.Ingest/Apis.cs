using System.Text;
using System.Text.Json;
using CloudSync.Sdk;
using Confluent.Kafka;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
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
        using var producer = which == Ours ? null : Producer(bootstrapServers);
        if (producer is null)
        {
            app.UseCloudSyncIngest();
            app.MapCloudSyncIngest();
        }
        else
        {
            MapBare(app, producer, topic);
        }

        await app.StartAsync();
        await Console.Out.WriteLineAsync(app.Urls.First());
        await Console.In.ReadToEndAsync();
        await app.StopAsync();
    }

    /// <summary>What one writes first: the framework reads the body, the client's own call produces it, with the settings of ours. No limits, no CloudEvents, no results for what is wrong.</summary>
    private static void MapBare(WebApplication app, IProducer<string?, byte[]> producer, string topic)
    {
        app.MapPost("/api/sync", async (Body body) => Results.Json(await ProduceAsync(body), statusCode: StatusCodes.Status202Accepted));
        app.MapPost("/api/sync/batch", async (Body[] bodies) => Results.Json(await Task.WhenAll(bodies.Select(ProduceAsync)), statusCode: StatusCodes.Status202Accepted));

        async Task<Answer> ProduceAsync(Body body)
        {
            var id = body.Id ?? Guid.CreateVersion7().ToString();
            var message = new Message<string?, byte[]>
            {
                Key = body.Key,
                Value = JsonSerializer.SerializeToUtf8Bytes(body.Data),
                Headers = new Headers { { "ce_id", Encoding.UTF8.GetBytes(id) } },
            };
            var report = await producer.ProduceAsync(topic, message);
            return new Answer(202, id, report.Topic, report.Partition.Value, report.Offset.Value);
        }
    }

    private static IProducer<string?, byte[]> Producer(string bootstrapServers) => new ProducerBuilder<string?, byte[]>(new ProducerConfig
    {
        BootstrapServers = bootstrapServers,
        Acks = Acks.All,
        EnableIdempotence = true,
        LingerMs = 5,
        BatchSize = 65_536,
        CompressionType = CompressionType.Lz4,
        Partitioner = Partitioner.Murmur2Random,
    }).Build();

    private sealed record Body(string? Id, string? Key, JsonElement Data);

    private sealed record Answer(int Status, string Id, string Topic, int Partition, long Offset);
}
