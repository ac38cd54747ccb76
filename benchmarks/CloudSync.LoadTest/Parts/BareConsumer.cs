using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Confluent.Kafka;

namespace CloudSync.LoadTest.Parts;

/// <summary>
/// A consumer as one writes it first, with the settings of our <see cref="CloudSyncPreset.HighThroughput"/>: <c>Consume</c>, a POST for each batch with <see cref="HttpClient"/>, one after the other, so that keys keep their
/// order, and a commit each second. No duplicates are recognised, nothing is retried, and no message is kept that the endpoint does not take: the process ends.
/// </summary>
internal static class BareConsumer
{
    private const int MaxBatch = 500;

    public static async Task RunAsync(ConsumerSettings settings)
    {
        using var consumer = new ConsumerBuilder<byte[]?, byte[]>(new ConsumerConfig
        {
            BootstrapServers = settings.BootstrapServers,
            GroupId = settings.Group,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            EnableAutoOffsetStore = false,
            AutoCommitIntervalMs = 1_000,
            FetchMinBytes = 65_536,
            FetchWaitMaxMs = 250,
            FetchQueueBackoffMs = 10,
        }).SetLogHandler((_, _) => { }).Build();
        using var end = new CancellationTokenSource();
        var calls = new Calls();
        var delivering = Task.Factory.StartNew(() => Deliver(consumer, settings, calls, end.Token), TaskCreationOptions.LongRunning);
        // Without it the run would go on as if there only were nothing to read.
        _ = delivering.ContinueWith(failed => Environment.FailFast(failed.Exception!.InnerException!.Message), TaskContinuationOptions.OnlyOnFaulted);
        await PartLoop.RunAsync(settings.Endpoint, question => Task.FromResult<object?>(question == ConsumerPart.ConsumerQuestion ? calls.Next(consumer.Assignment.Count) : null));
        await end.CancelAsync();
        await delivering;
        consumer.Close();
    }

    private static void Deliver(IConsumer<byte[]?, byte[]> consumer, ConsumerSettings settings, Calls calls, CancellationToken end)
    {
        using var client = new HttpClient();
        var batch = new List<ConsumeResult<byte[]?, byte[]>>(MaxBatch);
        var body = new ArrayBufferWriter<byte>();
        consumer.Subscribe(settings.Topic);
        while (!end.IsCancellationRequested)
        {
            while (batch.Count < MaxBatch && consumer.Consume(TimeSpan.FromMilliseconds(batch.Count > 0 ? 5 : 100)) is { } record)
                batch.Add(record);
            if (batch.Count == 0)
                continue;

            body.ResetWrittenCount();
            Write(body, batch);
            using var content = new ReadOnlyMemoryContent(body.WrittenMemory);
            content.Headers.TryAddWithoutValidation("Content-Type", "application/cloudevents-batch+json");
            using var request = new HttpRequestMessage(HttpMethod.Post, settings.Endpoint) { Content = content };
            var began = Stopwatch.GetTimestamp();
            using (var response = client.Send(request, HttpCompletionOption.ResponseHeadersRead, CancellationToken.None))
                response.EnsureSuccessStatusCode();
            calls.Add(Stopwatch.GetElapsedTime(began));
            foreach (var record in batch)
                consumer.StoreOffset(record);
            batch.Clear();
        }
    }

    private static void Write(ArrayBufferWriter<byte> body, List<ConsumeResult<byte[]?, byte[]>> batch)
    {
        using var json = new Utf8JsonWriter(body, new JsonWriterOptions { SkipValidation = true });
        json.WriteStartArray();
        foreach (var record in batch)
        {
            json.WriteStartObject();
            json.WriteString("specversion"u8, "1.0"u8);
            json.WriteString("id"u8, record.Message.Headers.GetLastBytes(CloudEvents.Id));
            json.WriteString("source"u8, "/bare"u8);
            json.WriteString("type"u8, "bare"u8);
            json.WriteString("partitionkey"u8, record.Message.Key!);
            json.WritePropertyName("data"u8);
            json.WriteRawValue(record.Message.Value, skipInputValidation: true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>What the load test asks a consumer.</summary>
    private sealed class Calls
    {
        private readonly Lock _lock = new();
        private long _count;
        private TimeSpan _time;

        public void Add(TimeSpan time)
        {
            lock (_lock)
                (_count, _time) = (_count + 1, _time + time);
        }

        public ConsumerFigures Next(int partitions)
        {
            lock (_lock)
            {
                var figures = new ConsumerFigures(0, 0, _count, _count == 0 ? 0 : _time.TotalMilliseconds / _count, MaxConcurrency: 1, partitions, Lag: 0);
                (_count, _time) = (0, TimeSpan.Zero);
                return figures;
            }
        }
    }
}
