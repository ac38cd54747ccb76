using System.Text;
using System.Text.Json;
using Confluent.Kafka;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudSync.LoadTest.Parts;

/// <summary>
/// The API as one writes it first: the framework reads the body, the client's own call produces it, with the settings of our <see cref="CloudSyncPreset.HighThroughput"/>. No limits, no checks, no CloudEvents, no results for
/// what is wrong.
/// </summary>
internal static class BareApi
{
    public static async Task RunAsync(ApiSettings settings)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        using var producer = new ProducerBuilder<string?, byte[]>(new ProducerConfig
        {
            BootstrapServers = settings.BootstrapServers,
            Acks = Acks.All,
            EnableIdempotence = true,
            LingerMs = 20,
            BatchSize = 262_144,
            CompressionType = CompressionType.Lz4,
            Partitioner = Partitioner.Murmur2Random,
        }).SetLogHandler((_, _) => { }).Build();
        app.MapPost("/api/sync", async (Body body) => TypedResults.Json(await ProduceAsync(body), statusCode: StatusCodes.Status202Accepted));
        app.MapPost("/api/sync/batch", async (Body[] bodies) =>
            TypedResults.Json(new { accepted = bodies.Length, failed = 0, results = await Task.WhenAll(bodies.Select(ProduceAsync)) }, statusCode: StatusCodes.Status202Accepted));
        await app.StartAsync();
        await PartLoop.RunAsync(app.Urls.First());
        await app.StopAsync();

        async Task<Answer> ProduceAsync(Body body)
        {
            var id = body.Id ?? Guid.CreateVersion7().ToString();
            var message = new Message<string?, byte[]>
            {
                Key = body.Key,
                Value = JsonSerializer.SerializeToUtf8Bytes(body.Data),
                Headers = new Headers { { CloudEvents.Id, Encoding.UTF8.GetBytes(id) } },
            };
            var report = await producer.ProduceAsync(settings.Topic, message);
            return new Answer(StatusCodes.Status202Accepted, id, report.Topic, report.Partition.Value, report.Offset.Value);
        }
    }

    private sealed record Body(string? Id, string? Key, JsonElement Data);

    private sealed record Answer(int Status, string Id, string Topic, int Partition, long Offset);
}
