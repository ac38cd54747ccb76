using System.Text;
using System.Text.Json;
using Confluent.Kafka;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace CloudSync.Measuring;

/// <summary>The baseline of our API, as one writes it first: the framework reads the body, the client's own call produces it. No limits, no checks, no CloudEvents, no results for what is wrong.</summary>
internal static class BareIngest
{
    public static void Map(WebApplication app, IProducer<string?, byte[]> producer, string topic)
    {
        app.MapPost("/api/sync", async (Body body) => TypedResults.Json(await ProduceAsync(body), statusCode: StatusCodes.Status202Accepted));
        app.MapPost("/api/sync/batch", async (Body[] bodies) =>
            TypedResults.Json(new { accepted = bodies.Length, failed = 0, results = await Task.WhenAll(bodies.Select(ProduceAsync)) }, statusCode: StatusCodes.Status202Accepted));

        async Task<Answer> ProduceAsync(Body body)
        {
            var id = body.Id ?? Guid.CreateVersion7().ToString();
            var message = new Message<string?, byte[]>
            {
                Key = body.Key,
                Value = JsonSerializer.SerializeToUtf8Bytes(body.Data),
                Headers = new Headers { { Sdk.CloudEvents.Id, Encoding.UTF8.GetBytes(id) } },
            };
            var report = await producer.ProduceAsync(topic, message);
            return new Answer(StatusCodes.Status202Accepted, id, report.Topic, report.Partition.Value, report.Offset.Value);
        }
    }

    /// <summary>A producer with the settings of ours.</summary>
    public static IProducer<string?, byte[]> Producer(string bootstrapServers, int lingerMs, int batchSize) => new ProducerBuilder<string?, byte[]>(new ProducerConfig
    {
        BootstrapServers = bootstrapServers,
        Acks = Acks.All,
        EnableIdempotence = true,
        LingerMs = lingerMs,
        BatchSize = batchSize,
        CompressionType = CompressionType.Lz4,
        Partitioner = Partitioner.Murmur2Random,
    }).SetLogHandler((_, _) => { }).Build();

    private sealed record Body(string? Id, string? Key, JsonElement Data);

    private sealed record Answer(int Status, string Id, string Topic, int Partition, long Offset);
}
