using System.Diagnostics;
using CloudSync.Sdk;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CloudSync.Failures;

/// <summary>How a run differs from a healthy one.</summary>
internal enum Arm
{
    /// <summary>Nothing fails.</summary>
    Healthy,

    /// <summary>One message in 10,000 always throws, and one never returns.</summary>
    Failing,

    /// <summary>The process is stopped for longer than the session time-out, and continued.</summary>
    Stopped,
}

/// <summary>What one run has shown.</summary>
/// <param name="Rate">Messages a second until 99 % of all that can be delivered were: what waits for its failing predecessor to the very end is not a matter of rate.</param>
/// <param name="RateToLast">Messages a second until the last of them was delivered.</param>
/// <param name="Seconds">Until the last was delivered.</param>
/// <param name="LongestGap">Seconds in which nothing was delivered at all: after a stop, until it is back.</param>
/// <param name="Lost">Messages that were neither delivered nor dead-lettered.</param>
/// <param name="OutOfOrder">Messages that came after a later one of their key.</param>
/// <param name="Repeated">Messages that came twice.</param>
/// <param name="DeadLetters">Dead letters that were written.</param>
/// <param name="Lag">The lag in the end.</param>
internal sealed record RunResult(
    double Rate, double RateToLast, double Seconds, double LongestGap, int Lost, long OutOfOrder, long Repeated, int DeadLetters, long Lag);

/// <summary>One run, in a process of its own: a group that is new reads a topic from its beginning to its end.</summary>
internal static class Run
{
    public static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static async Task<RunResult> ExecuteAsync(Arm arm, string kafka, string topic, string group, int messages, bool isSlow)
    {
        var withFailures = arm == Arm.Failing;
        var sink = new LedgerSink(messages, isSlow, withFailures);
        var letters = new DeadLetterCount();
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddProvider(letters);
        builder.Services.AddCloudSyncConsumer("bench").UseSink(_ => sink).Configure(options =>
        {
            options.BootstrapServers = kafka;
            options.Topic = topic;
            options.GroupId = group;
            options.DeadLetters.Topic = topic + "-dlq";
            options.MaxConcurrency = isSlow ? 256 : 64;
            options.Idempotency.MaxEntries = 1_000_000;
            options.Kafka["session.timeout.ms"] = $"{SessionTimeout.TotalMilliseconds}";

            // Three attempts within 2 s.
            options.Retry.MaxRetryAttempts = 2;
            options.Retry.InitialDelay = TimeSpan.FromMilliseconds(500);
            options.Breaker.FailuresToOpen = 3;
            options.SinkTimeout = TimeSpan.FromSeconds(1);
            options.AbandonAfter = TimeSpan.FromMilliseconds(500);
        });
        using var host = builder.Build();
        await host.StartAsync();
        var failing = withFailures ? Load.Failing(messages) : 0;
        var waited = Stopwatch.StartNew();
        var told = 0;
        while ((sink.Count < messages - failing || letters.Count < failing) && waited.Elapsed < Patience)
        {
            // So that whoever stops this process knows when it is in the middle of its work.
            if (told == 0 && sink.Count > messages / 3)
                Console.WriteLine(told = sink.Count);

            await Task.Delay(5);
        }

        var consumer = host.Services.GetRequiredKeyedService<ICloudSyncConsumer>("bench");
        while (consumer.Status.Lag > 0 && waited.Elapsed < Patience)
            await Task.Delay(100);

        var lag = consumer.Status.Lag;
        await host.StopAsync();
        return ResultOf(sink, letters.Count, lag, messages, withFailures);
    }

    private static RunResult ResultOf(LedgerSink sink, int letters, long lag, int messages, bool withFailures)
    {
        var times = sink.Times();
        var most = times.Length * 99 / 100;
        var missing = Enumerable.Range(0, messages).Count(i => !sink.Has(i) && !(withFailures && (Load.Throws(i, messages) || Load.Hangs(i, messages))));
        return new RunResult(
            most / Seconds(times[0], times[most - 1]),
            times.Length / Seconds(times[0], times[^1]),
            Seconds(times[0], times[^1]),
            Enumerable.Range(1, times.Length - 1).Max(i => Seconds(times[i - 1], times[i])),
            missing,
            sink.OutOfOrder,
            sink.Repeated,
            letters,
            lag);
    }

    private static double Seconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalSeconds;

    /// <summary>Counts the dead letters by what is logged of each, and shows what else goes wrong.</summary>
    private sealed class DeadLetterCount : ILoggerProvider, ILogger
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            const int WillRetry = 1101;
            const int DeadLettered = 1102;
            if (eventId.Id == DeadLettered)
                Interlocked.Increment(ref _count);
            else if (eventId.Id != WillRetry && logLevel >= LogLevel.Warning)
                Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss.fff} {eventId.Id} {formatter(state, exception)}");
        }

        public void Dispose()
        {
        }
    }
}
