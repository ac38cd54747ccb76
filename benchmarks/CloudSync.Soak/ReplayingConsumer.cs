using System.Diagnostics;
using System.Text.Json;
using CloudSync.Measuring;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace CloudSync.Soak;

/// <summary>What is to be read again and again.</summary>
/// <param name="Kafka">The brokers.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Messages">How many messages it has.</param>
/// <param name="OffsetSum">The sum of their offsets.</param>
/// <param name="Share">Which part of the highest rate is held.</param>
/// <param name="Highest">That rate, in messages a second; 0 when it has to be found first.</param>
internal sealed record ReplayJob(string Kafka, string Topic, long Messages, long OffsetSum, double Share, int Highest);

/// <summary>How far the passes are.</summary>
/// <param name="Delivered">The messages of all passes, of which the sum is of offsets, and what the process takes.</param>
/// <param name="Rate">The rate that is held, in messages a second; 0 while the highest is looked for.</param>
/// <param name="Due">The messages of all passes that should have come by now, at that rate.</param>
/// <param name="Passes">Passes at that rate that are over.</param>
/// <param name="Messages">What they have read at that rate: all, but for the last pass, which is hurried to its end.</param>
/// <param name="Starts">Seconds that they took from the start of the host to the first message, all together.</param>
/// <param name="Reads">From there to the last message, or to where the pass was hurried.</param>
/// <param name="Stops">From there until the host had stopped.</param>
/// <param name="Fault">What was wrong with a pass, the last one; <see langword="null"/> as long as nothing was.</param>
internal sealed record Replayed(Delivered Delivered, int Rate, long Due, int Passes, long Messages, double Starts, double Reads, double Stops, string? Fault);

/// <summary>
/// A process that reads a topic again and again. Each pass is a host of its own with a new group, default options and a batch sink that does nothing but count, and ends when all messages have come. What
/// is remembered is shared by all passes, so that the store is full and forgets the oldest; the group's name is part of what it remembers, so that no message is a copy of one of an earlier pass.
/// Its standard input is answered as by <see cref="CountingConsumer"/>; <c>end</c>, when the pass is over: what is left of it is
/// read as fast as it can be, for at a low rate it would take an hour.
/// </summary>
internal sealed class ReplayingConsumer : IDisposable
{
    public const string Argument = "replay";

    /// <summary>Passes that nothing holds back: the first warms up, the median of the others is the highest rate.</summary>
    internal const int Unpaced = 4;

    private const string Name = "soak";
    private const int Ids = 5_000_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly ReplayJob _job;
    private readonly InMemoryIdempotencyStore _store = new(new IdempotencyOptions { MaxEntries = Ids }, TimeProvider.System);
    private readonly Lock _gate = new();
    private Replayed _past = new(new Delivered(0, 0, 0, ProcessUse.OfThis()), 0, 0, 0, 0, 0, 0, 0, null);
    private PassSink? _sink;
    private volatile bool _ends;

    private ReplayingConsumer(ReplayJob job)
    {
        _job = job;
        if (job.Highest > 0)
            _past = _past with { Rate = Rate(job.Highest) };
    }

    private Replayed State
    {
        get
        {
            lock (_gate)
            {
                var (messages, sum) = _sink?.Count ?? default;
                var (past, remembered) = (_past.Delivered, _store.Statistics.Entries);
                var due = past.Messages + (_sink?.Due ?? 0);
                return _past with { Due = due, Delivered = new Delivered(past.Messages + messages, past.NumberSum + sum, remembered, ProcessUse.OfThis()) };
            }
        }
    }

    public static async Task<int> RunAsync(string job)
    {
        using var consumer = new ReplayingConsumer(JsonSerializer.Deserialize<ReplayJob>(job)!);
        var passes = Task.Run(consumer.PassesAsync);
        while (Console.In.ReadLine() is { } line)
        {
            if (line == "end")
            {
                consumer.Hurry();
                await passes;
            }

            Console.WriteLine(JsonSerializer.Serialize(consumer.State));
        }

        return 0;
    }

    public void Dispose() => _store.Dispose();

    /// <summary>The median of what passes without a pace have shown, without the first.</summary>
    internal static double Highest(IReadOnlyList<double> rates)
    {
        var sorted = rates.Skip(1).Order().ToList();
        return sorted[sorted.Count / 2];
    }

    /// <summary>What is wrong with a pass; <see langword="null"/> as it should be.</summary>
    internal static string? FaultOf(long messages, long sum, long delivered, long deliveredSum) =>
        delivered < messages ? FormattableString.Invariant($"{messages - delivered:N0} messages of a pass were lost.")
        : delivered > messages ? FormattableString.Invariant($"{delivered - messages:N0} messages of a pass were delivered twice.")
        : deliveredSum != sum ? "A pass delivered as many messages as there are, but not the same: some were lost, and others delivered twice."
        : null;

    /// <summary>The rate that is held: one message a second at least, for 0 is none.</summary>
    private int Rate(double highest) => Math.Max(1, (int)(_job.Share * highest));

    /// <summary>The pass that is under way is the last, and nothing holds it back any more.</summary>
    private void Hurry()
    {
        _ends = true;
        lock (_gate)
            _sink?.Hurry();
    }

    /// <summary>As many as by default, unless the rate is so low that calls full of them would wait for longer than <see cref="CloudSyncConsumerOptions.SinkTimeout"/> until they are due.</summary>
    internal static int BatchSize(int rate, CloudSyncConsumerOptions options) =>
        rate == 0 ? options.MaxBatchSize : (int)Math.Clamp(options.SinkTimeout.TotalSeconds / 3 * rate / options.MaxConcurrency, 1, options.MaxBatchSize);

    private async Task PassesAsync()
    {
        try
        {
            var rates = new List<double>();
            for (var number = 1; !_ends && _past.Fault is null; number++)
            {
                var seconds = await PassAsync(number);
                if (_past.Rate > 0)
                    continue;

                rates.Add(_job.Messages / seconds);
                Program.Say(FormattableString.Invariant($"As fast as it can: {rates[^1]:N0} messages a second."));
                if (rates.Count == Unpaced)
                {
                    lock (_gate)
                        _past = _past with { Rate = Rate(Highest(rates)) };
                }
            }
        }
        catch (Exception e)
        {
            // The other process asks, and is told.
            lock (_gate)
                _past = _past with { Fault = $"A pass has failed: {e}" };
        }
    }

    /// <returns>Seconds from the first message to the last.</returns>
    private async Task<double> PassAsync(int number)
    {
        var rate = _past.Rate;
        var sink = new PassSink(_job.Messages, rate);
        lock (_gate)
            _sink = sink;

        if (_ends)
            sink.Hurry();

        var builder = OneHost.Builder();
        builder.Services.AddSingleton<IHostLifetime, CountingConsumer.NoLifetime>();
        builder.Services.AddCloudSyncConsumer(Name).UseBatchSink(_ => sink).Configure(options =>
        {
            options.BootstrapServers = _job.Kafka;
            options.Topic = _job.Topic;
            options.GroupId = FormattableString.Invariant($"{_job.Topic}-{number}");
            options.DeadLetters.Topic = _job.Topic + "-dlq";
            options.Idempotency.MaxEntries = Ids;

            options.MaxBatchSize = BatchSize(rate, options);
        });

        // As an instance: what UseIdempotencyStore makes is the host's, and would be disposed of with the first one.
        builder.Services.RemoveAllKeyed<IIdempotencyStore>(Name).AddKeyedSingleton<IIdempotencyStore>(Name, _store);

        var start = Stopwatch.GetTimestamp();
        using (var host = builder.Build())
        {
            await host.StartAsync();
            await AllAsync(sink);
            await host.StopAsync();
        }

        var stopped = Stopwatch.GetTimestamp();
        var (messages, sum) = sink.Count;
        var reads = Stopwatch.GetElapsedTime(sink.First, sink.Last).TotalSeconds;
        lock (_gate)
        {
            _sink = null;
            _past = _past with
            {
                Delivered = _past.Delivered with { Messages = _past.Delivered.Messages + messages, NumberSum = _past.Delivered.NumberSum + sum },
                Fault = FaultOf(_job.Messages, _job.OffsetSum, messages, sum),
            };
            if (rate > 0)
            {
                var (paced, seconds) = sink.Paced;
                _past = _past with
                {
                    Passes = _past.Passes + 1,
                    Messages = _past.Messages + paced,
                    Starts = _past.Starts + Stopwatch.GetElapsedTime(start, sink.First).TotalSeconds,
                    Reads = _past.Reads + seconds,
                    Stops = _past.Stops + Stopwatch.GetElapsedTime(sink.Last, stopped).TotalSeconds,
                };
            }
        }

        return reads;
    }

    /// <summary>Waits until all messages are here, or nothing more comes for a minute.</summary>
    private static async Task AllAsync(PassSink sink)
    {
        for (var seen = -1L; !sink.All.IsCompleted && sink.Count.Messages > seen;)
        {
            seen = sink.Count.Messages;
            await Task.WhenAny(sink.All, Task.Delay(Patience));
        }
    }

    /// <summary>Counts, and waits when it is ahead of its pace.</summary>
    /// <param name="expected">The messages of the pass.</param>
    /// <param name="rate">Messages a second; 0 for as many as there are.</param>
    internal sealed class PassSink(long expected, int rate) : IBatchCloudSink
    {
        private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(5);

        private readonly IReadOnlyList<SinkResult> _delivered = SinkResult.AllDelivered(new CloudSyncConsumerOptions().MaxBatchSize);
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>What had come, and when, at the moment from which nothing holds the pass back.</summary>
        private readonly TaskCompletionSource<(long Messages, long At)> _hurried = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _first;
        private long _last;
        private long _messages;
        private long _sum;

        /// <summary>When the first message came, by the clock of <see cref="Stopwatch.GetTimestamp"/>; 0 when none has.</summary>
        public long First => Volatile.Read(ref _first);

        /// <summary>When all had come.</summary>
        public long Last => Volatile.Read(ref _last);

        public Task All => _all.Task;

        /// <summary>Messages that should have come by now.</summary>
        public long Due => rate == 0 || First == 0 ? 0 : Math.Min(expected, (long)(Stopwatch.GetElapsedTime(First).TotalSeconds * rate));

        /// <summary>How many messages came at the pace, and in how many seconds.</summary>
        public (long Messages, double Seconds) Paced =>
            _hurried.Task is { IsCompletedSuccessfully: true, Result: var (messages, at) } && First != 0 && at > First ? (messages, Stopwatch.GetElapsedTime(First, at).TotalSeconds) : (0, 0);

        /// <summary>Nothing holds it back any more: the end was asked for, or all have come. Only the first call counts.</summary>
        public void Hurry() => _hurried.TrySetResult((Count.Messages, Stopwatch.GetTimestamp()));

        public (long Messages, long Sum) Count => (Volatile.Read(ref _messages), Volatile.Read(ref _sum));

        /// <summary>For how long to wait after so many messages in that time: not for less than timers can.</summary>
        internal static TimeSpan Ahead(long messages, TimeSpan elapsed, int rate) =>
            rate > 0 && TimeSpan.FromSeconds((double)messages / rate) - elapsed is var ahead && ahead > Slice ? ahead : TimeSpan.Zero;

        public async ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
        {
            if (First == 0)
                Interlocked.CompareExchange(ref _first, Stopwatch.GetTimestamp(), 0);

            var sum = 0L;
            for (var i = 0; i < messages.Count; i++)
                sum += messages[i].Offset;

            Interlocked.Add(ref _sum, sum);
            var count = Interlocked.Add(ref _messages, messages.Count);
            if (count >= expected && Interlocked.CompareExchange(ref _last, Stopwatch.GetTimestamp(), 0) == 0)
            {
                Hurry();
                _all.SetResult();
            }

            if (!_hurried.Task.IsCompleted && Ahead(count, Stopwatch.GetElapsedTime(First), rate) is { Ticks: > 0 } ahead)
                await Task.WhenAny(_hurried.Task, Task.Delay(ahead, cancellationToken));

            return _delivered;
        }
    }
}
