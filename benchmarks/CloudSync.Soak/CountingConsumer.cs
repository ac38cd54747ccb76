using System.Globalization;
using System.Text.Json;
using CloudSync.Measuring;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudSync.Soak;

/// <summary>How far a consumer is, and what its process takes.</summary>
/// <param name="Messages">Messages that its sink was given.</param>
/// <param name="NumberSum">The sum of their numbers.</param>
/// <param name="Ids">Ids that its store remembers.</param>
/// <param name="Use">What the process takes.</param>
internal sealed record Delivered(long Messages, long NumberSum, long Ids, ProcessUse Use);

/// <summary>
/// A process with the consumer that is looked at: default options, the store in memory, and a batch sink that does nothing but count. It answers each line of its standard input with how far it is;
/// <c>end</c>, when it has stopped. It ends with its input, and so with its parent.
/// </summary>
internal static class CountingConsumer
{
    public const string Argument = "consume";

    private const string Name = "soak";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public static async Task<int> RunAsync(string kafka, string topic, string ids)
    {
        var sink = new CountingSink();
        var builder = OneHost.Builder();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddCloudSyncConsumer(Name).UseBatchSink(_ => sink).Configure(options =>
        {
            options.BootstrapServers = kafka;
            options.Topic = topic;
            options.GroupId = topic;
            options.DeadLetters.Topic = topic + "-dlq";
            options.Idempotency.MaxEntries = int.Parse(ids, CultureInfo.InvariantCulture);
        });
        using var host = builder.Build();
        await host.StartAsync();
        var consumer = host.Services.GetRequiredKeyedService<ICloudSyncConsumer>(Name);
        for (var since = Environment.TickCount64; consumer.Status.Partitions < Load.Partitions; await Task.Delay(50))
        {
            if (Environment.TickCount64 - since > Patience.TotalMilliseconds)
                throw new InvalidOperationException($"The consumer has {consumer.Status.Partitions} of {Load.Partitions} partitions after a minute.");
        }

        while (Console.In.ReadLine() is { } line)
        {
            var remembered = consumer.Status.Idempotency?.Entries ?? 0;
            if (line == "end")
                await host.StopAsync();

            var (messages, sum) = sink.Count;
            Console.WriteLine(JsonSerializer.Serialize(new Delivered(messages, sum, remembered, ProcessUse.OfThis())));
        }

        return 0;
    }

    /// <summary>An interrupt from the terminal goes to all processes; this one ends when it is told to.</summary>
    internal sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class CountingSink : IBatchCloudSink
    {
        private readonly IReadOnlyList<SinkResult> _delivered = SinkResult.AllDelivered(new CloudSyncConsumerOptions().MaxBatchSize);
        private long _messages;
        private long _sum;

        public (long Messages, long Sum) Count => (Volatile.Read(ref _messages), Volatile.Read(ref _sum));

        public ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
        {
            var sum = 0L;
            for (var i = 0; i < messages.Count; i++)
            {
                if (messages[i].Headers.TryGetValue(CloudEvents.Id, out var id))
                    sum += Load.NumberOf(id.Span);
            }

            Interlocked.Add(ref _sum, sum);
            Interlocked.Add(ref _messages, messages.Count);
            return ValueTask.FromResult(_delivered);
        }
    }
}
