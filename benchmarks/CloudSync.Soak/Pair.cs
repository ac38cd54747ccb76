using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CloudSync.Measuring;

namespace CloudSync.Soak;

/// <summary>A producer and a consumer, each in a process of its own, and their topic, which is new and in the end gone.</summary>
internal sealed class Pair : IAsyncDisposable
{
    /// <summary>Some 40 MiB for each partition, half a gigabyte in all: at 100,000 messages a second more than ten seconds.</summary>
    private static readonly Dictionary<string, string> SmallTopic = new()
    {
        ["segment.bytes"] = $"{8 * 1024 * 1024}",
        ["retention.bytes"] = $"{32 * 1024 * 1024}",
        ["file.delete.delay.ms"] = "1000",
    };

    /// <summary>More than message.timeout.ms, after which a producer has given up.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    private readonly BenchmarkKafka _kafka;
    private readonly string _topic;
    private readonly Process _producer;
    private readonly Process _consumer;
    private readonly Stopwatch _watch = new();
    private Sample? _last;

    private Pair(BenchmarkKafka kafka, string topic, int ids)
    {
        (_kafka, _topic) = (kafka, topic);
        _producer = Start(PacedProducer.Argument, kafka.BootstrapServers, topic);
        _consumer = Start(CountingConsumer.Argument, kafka.BootstrapServers, topic, ids.ToString(CultureInfo.InvariantCulture));
    }

    /// <param name="kafka">Where.</param>
    /// <param name="ids">How many ids the consumer's store remembers at most.</param>
    public static async Task<Pair> StartAsync(BenchmarkKafka kafka, int ids)
    {
        var topic = $"soak-{Guid.NewGuid():N}";
        await kafka.CreateTopicAsync(topic, Load.Partitions, SmallTopic);
        var pair = new Pair(kafka, topic, ids);
        try
        {
            await pair.SampleAsync();
            return pair;
        }
        catch
        {
            await pair.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes the producer send so many messages a second from now on.</summary>
    public Task<Produced> PaceAsync(int rate) => AskAsync<Produced>(_producer, string.Create(CultureInfo.InvariantCulture, $"pace {rate}"));

    /// <summary>Looks at both sides. The first look begins the time.</summary>
    public async Task<Sample> SampleAsync()
    {
        var produced = await AskAsync<Produced>(_producer, "state");
        return Add(produced, await AskAsync<Delivered>(_consumer, "state"));
    }

    /// <summary>The next look begins the time anew.</summary>
    public void Restart()
    {
        _watch.Reset();
        _last = null;
    }

    /// <summary>Waits until all that was sent is delivered, or nothing more comes.</summary>
    public async Task<Sample> UntilDeliveredAsync(CancellationToken cancellationToken = default)
    {
        const int MostQuietSeconds = 30;
        var (seen, quietSeconds) = (await SampleAsync(), 0);
        while (seen.Delivered.Messages < seen.Produced.Sent - seen.Produced.Failed && quietSeconds < MostQuietSeconds)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            var now = await SampleAsync();
            quietSeconds = now.Delivered.Messages > seen.Delivered.Messages ? 0 : quietSeconds + 1;
            seen = now;
        }

        return seen;
    }

    /// <summary>Ends the producer, and when all is delivered, or nothing more comes, the consumer.</summary>
    public async Task<(Produced Produced, Delivered Delivered)> EndAsync()
    {
        var produced = await AskAsync<Produced>(_producer, "end");
        await UntilDeliveredAsync();
        return (produced, await AskAsync<Delivered>(_consumer, "end"));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in new[] { _producer, _consumer })
        {
            if (!process.HasExited)
                process.Kill();

            await process.WaitForExitAsync();
            process.Dispose();
        }

        await _kafka.DeleteTopicAsync(_topic);
    }

    internal static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo("dotnet", [typeof(Pair).Assembly.Location, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;

    internal static async Task<T> AskAsync<T>(Process process, string what)
    {
        try
        {
            await process.StandardInput.WriteLineAsync(what);
            await process.StandardInput.FlushAsync();
            using var patience = new CancellationTokenSource(Patience);
            if (await process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
                return JsonSerializer.Deserialize<T>(line)!;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            throw new InvalidOperationException($"A process does not answer to \"{what}\": {e.Message}", e);
        }

        await process.WaitForExitAsync();
        throw new InvalidOperationException($"A process has ended with {process.ExitCode} in place of an answer to \"{what}\".");
    }

    private Sample Add(Produced produced, Delivered delivered)
    {
        _watch.Start();
        return _last = Sample.After(_last, _watch.Elapsed.TotalSeconds, produced, delivered);
    }
}
