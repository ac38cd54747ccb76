using System.Globalization;
using System.Text;
using System.Text.Json;
using CloudSync.Measuring;
using Confluent.Kafka;
using Microsoft.Extensions.Configuration;

namespace CloudSync.Compare.Arms;

/// <summary>From a topic to an HTTP endpoint in a process of its own, in batches and one by one. What has arrived, and how long it took, says the endpoint.</summary>
internal static class Http
{
    public const string Name = "http";
    public const string Endpoint = "endpoint";

    private const string OursInBatches = "ours, batches of 500";
    private const string RawInBatches = "Consume + HttpClient, batches of 500";
    private const string OursSingle = "ours, one POST a message";
    private const string RawSingle = "Consume + HttpClient, one POST a message";

    /// <summary>Posts of one message at the same time. Of batches it is our default.</summary>
    private const int SinglesInFlight = 64;

    private static int BatchesInFlight => new CloudSyncConsumerOptions().MaxConcurrency;

    public static async Task<IReadOnlyList<Ratio>> CompareAsync(Settings settings, Topics topics, CancellationToken cancellationToken)
    {
        await using var endpoint = await EndpointProcess.StartAsync();
        var batches = await CompareAsync(OursInBatches, RawInBatches, await topics.MainAsync(cancellationToken), await topics.WarmUpAsync(cancellationToken));
        var singles = await topics.SinglesAsync(cancellationToken);
        return [.. batches, .. await CompareAsync(OursSingle, RawSingle, singles, singles)];

        Task<IReadOnlyList<Ratio>> CompareAsync(string ours, string raw, FilledTopic topic, FilledTopic warmUp)
        {
            Contender[] contenders = [Contender(ours), Contender(raw)];
            return Contest.RunAsync(Name, settings.Rounds, contenders, [new Pairing(contenders[0], contenders[1])], Program.Say, cancellationToken);

            Contender Contender(string name) => new(name, async token =>
            {
                await EndpointProcess.ForgetAsync(endpoint.Url);
                var job = new Job(Name, name)
                {
                    Server = topics.Kafka.BootstrapServers, Topic = topic.Name, Messages = topic.Messages, WarmUpTopic = warmUp.Name, WarmUpMessages = warmUp.Messages, Url = endpoint.Url,
                };
                var result = await Child.StartAsync(job, token);
                return result.Messages == topic.Messages && result.Sum == topic.NumberSum
                    ? result with { BytesPerMessage = result.BytesPerMessage - topic.BytesPerMessage }
                    : throw new InvalidOperationException(
                        $"{name}: {result.Messages:N0} of {topic.Messages:N0} messages were posted, the sum of whose numbers is {result.Sum} in place of {topic.NumberSum}.");
            });
        }
    }

    /// <summary>In the process of the contender.</summary>
    public static async Task<RunResult> RunAsync(Job job)
    {
        Func<string, int, Task<RunResult>> post = job.Contender switch
        {
            OursInBatches => (topic, messages) => OursAsync(job, topic, messages, HttpSinkMode.Batch),
            OursSingle => (topic, messages) => OursAsync(job, topic, messages, HttpSinkMode.Single),
            RawInBatches => (topic, messages) => RawAsync(job, topic, messages, batchSize: 500, BatchesInFlight, RawPosts.BatchAsync),
            RawSingle => (topic, messages) => RawAsync(job, topic, messages, batchSize: 1, SinglesInFlight, RawPosts.SingleAsync),
            _ => throw new InvalidOperationException($"{job.Contender} is no contender."),
        };
        await post(job.WarmUpTopic, job.WarmUpMessages);
        await Child.SettleAsync();
        return await post(job.Topic, job.Messages);
    }

    private static async Task<RunResult> OursAsync(Job job, string topic, int messages, HttpSinkMode mode)
    {
        var builder = OneHost.Builder();
        builder.Services.AddCloudSyncConsumer("compare")
            .Configure(options =>
            {
                Consume.Configure(options, job.Server, topic, messages);
                options.MaxConcurrency = mode == HttpSinkMode.Single ? SinglesInFlight : BatchesInFlight;
            })
            .UseHttpSink(new ConfigurationBuilder().Build(), options =>
            {
                options.Url = UrlOf(job, mode == HttpSinkMode.Single);
                options.Mode = mode;
            });
        using var host = builder.Build();
        var tally = new Tally(messages);
        tally.Begin();
        await host.StartAsync();
        var result = await ResultAsync(job, tally, messages);
        await host.StopAsync();
        return result;
    }

    /// <summary>
    /// As one would write it by hand: one thread reads, requests are made and posted on the pool, so many at a time, and each second what is posted in one piece from the beginning is committed.
    /// </summary>
    private static async Task<RunResult> RawAsync(Job job, string topic, int messages, int batchSize, int inFlight, Func<HttpClient, string, ConsumeResult<byte[]?, byte[]>[], Task> postAsync)
    {
        var config = Consume.SettingsOfOurs(job.Server);
        config.GroupId = $"compare-{Guid.NewGuid():N}";
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        using var client = new HttpClient(handler);
        using var consumer = new ConsumerBuilder<byte[]?, byte[]>(config).SetLogHandler((_, _) => { }).Build();
        using var places = new SemaphoreSlim(inFlight);
        var url = UrlOf(job, batchSize == 1);
        var underWay = new Queue<(Task Post, ConsumeResult<byte[]?, byte[]>[] Records)>();
        var next = new long[Load.Partitions];
        var batch = new List<ConsumeResult<byte[]?, byte[]>>(batchSize);
        var tally = new Tally(messages);
        tally.Begin();
        consumer.Subscribe(topic);
        await Task.Run(async () =>
        {
            var commitAt = Environment.TickCount64 + 1_000;
            for (var count = 0; count < messages;)
            {
                if (consumer.Consume(TimeSpan.FromMilliseconds(batch.Count > 0 ? 10 : 1_000)) is { } record)
                {
                    batch.Add(record);
                    count++;
                    if (batch.Count < batchSize && count < messages)
                        continue;
                }

                if (batch.Count == 0)
                    continue;

                var records = batch.ToArray();
                batch.Clear();
                await places.WaitAsync();
                underWay.Enqueue((Task.Run(() => PostAsync(records)), records));
                await DequeueAsync(onlyDone: true);
                if (Environment.TickCount64 >= commitAt)
                {
                    commitAt = Environment.TickCount64 + 1_000;
                    Consume.Commit(consumer, topic, next);
                }
            }

            await DequeueAsync(onlyDone: false);
            Consume.Commit(consumer, topic, next);
        });
        var result = await ResultAsync(job, tally, messages);
        consumer.Close();
        return result;

        async Task PostAsync(ConsumeResult<byte[]?, byte[]>[] records)
        {
            try
            {
                await postAsync(client, url, records);
            }
            finally
            {
                places.Release();
            }
        }

        async Task DequeueAsync(bool onlyDone)
        {
            while (underWay.TryPeek(out var first) && (first.Post.IsCompleted || !onlyDone))
            {
                await first.Post;
                underWay.Dequeue();
                foreach (var record in first.Records)
                    next[record.Partition.Value] = record.Offset.Value + 1;
            }
        }
    }

    private static string UrlOf(Job job, bool single) => job.Url + (single ? CountingEndpoint.SinglePath : CountingEndpoint.BatchPath);

    /// <summary>What the endpoint has seen; bytes and processor time are those of this process, from the start of the consumer on.</summary>
    private static async Task<RunResult> ResultAsync(Job job, Tally tally, int messages)
    {
        var taken = await EndpointProcess.UntilAsync(job.Url, messages);
        tally.Add(messages, 0);
        var own = await tally.WaitAsync();
        return own with { Messages = taken.Messages, Sum = taken.NumberSum, Seconds = taken.Seconds };
    }
}

/// <summary>Requests as one would write them by hand for messages that one knows: the same CloudEvents, straight from the bytes of the headers, and nothing checked.</summary>
internal static class RawPosts
{
    public static async Task BatchAsync(HttpClient client, string url, ConsumeResult<byte[]?, byte[]>[] records)
    {
        var body = new System.Buffers.ArrayBufferWriter<byte>(records.Length * 640);
        await using (var json = new Utf8JsonWriter(body, new JsonWriterOptions { SkipValidation = true }))
        {
            json.WriteStartArray();
            foreach (var record in records)
                Write(json, record);
            json.WriteEndArray();
        }

        using var content = new ReadOnlyMemoryContent(body.WrittenMemory);
        content.Headers.TryAddWithoutValidation("Content-Type", "application/cloudevents-batch+json");
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", string.Create(CultureInfo.InvariantCulture, $"{records[0].Topic}-{records[0].Partition.Value}-{records[0].Offset.Value}"));
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
    }

    public static async Task SingleAsync(HttpClient client, string url, ConsumeResult<byte[]?, byte[]>[] records)
    {
        var message = records[0].Message;
        using var content = new ReadOnlyMemoryContent(message.Value);
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        foreach (var header in message.Headers)
        {
            var value = Encoding.ASCII.GetString(header.GetValueBytes());
            switch (header.Key)
            {
                case CloudEvents.ContentType:
                    content.Headers.TryAddWithoutValidation("Content-Type", value);
                    break;
                case CloudEvents.Id:
                    request.Headers.TryAddWithoutValidation("ce-id", value);
                    request.Headers.TryAddWithoutValidation("Idempotency-Key", value);
                    break;
                default:
                    request.Headers.TryAddWithoutValidation(header.Key.Replace('_', '-'), value);
                    break;
            }
        }

        request.Headers.TryAddWithoutValidation("ce-partitionkey", Encoding.ASCII.GetString(message.Key!));
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
    }

    private static void Write(Utf8JsonWriter json, ConsumeResult<byte[]?, byte[]> record)
    {
        json.WriteStartObject();
        foreach (var header in record.Message.Headers)
            json.WriteString(Attribute(header.Key), header.GetValueBytes());
        json.WriteString("partitionkey"u8, record.Message.Key!);
        json.WritePropertyName("data"u8);
        json.WriteRawValue(record.Message.Value, skipInputValidation: true);
        json.WriteEndObject();
    }

    private static ReadOnlySpan<byte> Attribute(string header) => header switch
    {
        CloudEvents.SpecVersion => "specversion"u8,
        CloudEvents.Id => "id"u8,
        CloudEvents.Source => "source"u8,
        CloudEvents.Type => "type"u8,
        CloudEvents.Time => "time"u8,
        CloudEvents.ContentType => "datacontenttype"u8,
        _ => throw new InvalidOperationException($"The header {header} is none of the envelope."),
    };
}
