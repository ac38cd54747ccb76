using System.Text.Json;
using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>
/// What holds whatever happens: a sink that answers at once, later, or fails in every way; few retries or many; duplicates; a breaker that opens and closes
/// all the time. The clock is the system's, run faster.
/// </summary>
public class DeliveryPipelinePropertyTests
{
    private static readonly string?[] Keys = ["a", "b", "c", "d", "", null];

    [Property(MaxTest = 40)]
    public Task One_by_one_nothing_is_lost_repeated_or_out_of_order(int seed, bool few, bool withStore) =>
        CheckAsync(seed, few, withStore, MessageOrdering.Key, log => new Sink(log));

    [Property(MaxTest = 40)]
    public Task In_batches_nothing_is_lost_repeated_or_out_of_order(int seed, bool few, bool withStore) =>
        CheckAsync(seed, few, withStore, MessageOrdering.Key, log => new BatchSink(log));

    [Property(MaxTest = 20)]
    public Task By_partition_the_whole_partition_is_in_order(int seed, bool few, bool inBatches) =>
        CheckAsync(seed, few, withStore: true, MessageOrdering.Partition, log => inBatches ? new BatchSink(log) : new Sink(log));

    [Property(MaxTest = 20)]
    public Task Unordered_nothing_is_lost_or_repeated(int seed, bool few, bool inBatches) =>
        CheckAsync(seed, few, withStore: true, MessageOrdering.Unordered, log => inBatches ? new BatchSink(log) : new Sink(log));

    private static async Task CheckAsync(int seed, bool fewRetries, bool withStore, MessageOrdering ordering, Func<Journal, object> sink)
    {
        const int MaxConcurrency = 5;
        var random = new Random(seed);
        var journal = new Journal(seed);
        using var test = new PipelineUnderTest(
            sink(journal),
            options =>
            {
                options.Ordering = ordering;
                options.MaxConcurrency = MaxConcurrency;
                options.MaxBatchSize = 4;
                options.Retry.MaxRetryAttempts = fewRetries ? 3 : 1_000;
                options.Retry.InitialDelay = options.Retry.MaxDelay = TimeSpan.FromMilliseconds(300);
                options.Breaker.FailuresToOpen = 4;
                options.Breaker.BreakDuration = TimeSpan.FromMilliseconds(500);

                // Half a minute of a clock that runs faster is over before a busy machine has come to it.
                options.SinkTimeout = TimeSpan.FromHours(1);
                options.DeadLetters.AcknowledgementTimeout = TimeSpan.FromHours(1);
                options.Idempotency.Lease = TimeSpan.FromHours(1);
                options.Idempotency.Retention = TimeSpan.FromDays(1);
                options.Idempotency.CleanupInterval = TimeSpan.FromHours(1);
            },
            new FasterClock(),
            withStore: withStore);
        test.DeadLetters.Write = async (delivery, _) =>
        {
            await Task.Yield();
            if (journal.Chance(10) == 0)
                throw new InvalidOperationException("The dead letter was not taken.");

            journal.DeadLettered(delivery);
        };

        var read = new List<Delivery>();
        for (var batch = 0; batch < 12; batch++)
        {
            read.AddRange(test.Read(
                random.Next(2),
                [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => (Keys[random.Next(Keys.Length)], random.Next(4) == 0 ? $"id-{random.Next(20)}" : null))]));
            if (random.Next(3) == 0)
                await Task.Yield();
        }

        await test.SettledAsync();
        journal.Check(read, withStore, ordering, MaxConcurrency);

        // Messages that are sure to be delivered close the breaker, and end the ramp that follows.
        journal.IsCalm = true;
        for (var i = 0; i < 2 * MaxConcurrency; i++)
        {
            test.Read(partition: 2, ("calm", null));
            await test.SettledAsync();
        }

        Assert.Equal(MaxConcurrency, test.Pipeline.Gate.Limit);

        // No place was lost on the way: all of them can be taken at the same time, by messages of different keys.
        journal.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var i in Enumerable.Range(0, MaxConcurrency))
        {
            test.Read(partition: 10 + i, ($"gate-{i}", null));
            await Eventually.True(() => journal.CallsRunning == i + 1);
        }

        journal.Gate.SetResult();
        await test.SettledAsync();
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
    }

    private enum Step
    {
        Begun,
        Delivered,
        DeadLettered,
    }

    /// <summary>What happened, in its order.</summary>
    private sealed class Journal(int seed)
    {
        private readonly Lock _gate = new();
        private readonly Random _random = new(seed);
        private readonly List<(Step Step, Delivery Message)> _steps = [];
        private int _calls;
        private int _mostCalls;

        public TaskCompletionSource? Gate { get; set; }

        /// <summary>Whether all goes well from now on.</summary>
        public bool IsCalm { get; set; }

        public int CallsRunning => Volatile.Read(ref _calls);

        public int Chance(int of)
        {
            lock (_gate)
                return _random.Next(of);
        }

        public void CallBegins(IReadOnlyList<SyncMessage> messages)
        {
            lock (_gate)
            {
                _mostCalls = Math.Max(_mostCalls, ++_calls);
                foreach (var message in messages)
                    _steps.Add((Step.Begun, (Delivery)message));
            }
        }

        public void CallEnds()
        {
            lock (_gate)
                _calls--;
        }

        public void Delivered(SyncMessage message)
        {
            lock (_gate)
                _steps.Add((Step.Delivered, (Delivery)message));
        }

        public void DeadLettered(Delivery message)
        {
            lock (_gate)
                _steps.Add((Step.DeadLettered, message));
        }

        public void Check(List<Delivery> read, bool withStore, MessageOrdering ordering, int maxConcurrency)
        {
            lock (_gate)
            {
                Assert.InRange(_mostCalls, 1, maxConcurrency);
                var ends = _steps.Where(s => s.Step != Step.Begun).ToLookup(s => s.Message);
                var delivered = _steps.Where(s => s.Step == Step.Delivered).Select(s => s.Message.Id).ToHashSet();
                foreach (var message in read)
                {
                    // Once, or never where another of the same id was delivered.
                    Assert.InRange(ends[message].Count(), 0, 1);
                    if (!ends[message].Any())
                        Assert.True(withStore && delivered.Contains(message.Id), $"{message} came to no end.");
                }

                if (withStore)
                    Assert.All(_steps.Where(s => s.Step == Step.Delivered).GroupBy(s => s.Message.Id), id => Assert.Single(id));

                // Nobody of a lane begins while one before it has not come to its end, nor after one that comes behind it.
                var current = new Dictionary<ulong, (Delivery Message, bool Ended)>();
                var deliveredSoFar = new HashSet<string>();
                foreach (var (step, message) in _steps)
                {
                    if (step == Step.Delivered)
                        deliveredSoFar.Add(message.Id);

                    if (message.Lane == 0)
                        continue;

                    if (current.TryGetValue(message.Lane, out var before) && before.Message != message)
                    {
                        // A message that had failed ends as a duplicate when another of its id was delivered meanwhile.
                        var ended = before.Ended || (withStore && deliveredSoFar.Contains(before.Message.Id));
                        Assert.True(ended && step == Step.Begun && message.Offset > before.Message.Offset, $"{message} overtook {before.Message}.");
                    }

                    current[message.Lane] = (message, step != Step.Begun);
                }

                Assert.True(ordering == MessageOrdering.Unordered || _steps.Exists(s => s.Message.Lane != 0));
            }
        }
    }

    private static Exception Failure(int which) => which switch
    {
        0 => new TaskCanceledException("HttpClient's own time-out looks like this."),
        1 => new SinkException(ErrorType.ServiceUnavailable, "503"),
        2 => new SinkException(ErrorType.RateLimited, "429") { RetryAfter = TimeSpan.FromMilliseconds(300) },
        3 => new SinkException(ErrorType.Transient, "hiccup"),
        4 => new JsonException("no JSON"),
        5 => new HttpRequestException("connection refused"),
        6 => new SinkException(ErrorType.Authentication, "401"),
        _ => new InvalidOperationException("anything"),
    };

    private sealed class Sink(Journal journal) : ICloudSink
    {
        public ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
        {
            journal.CallBegins([message]);
            if (journal.Gate is { } gate)
                return new ValueTask(FinishAsync(message, gate.Task, null));

            var failure = !journal.IsCalm && journal.Chance(4) == 0 ? Failure(journal.Chance(8)) : null;
            switch (journal.Chance(3))
            {
                case 0:
                    return new ValueTask(FinishAsync(message, Task.Run(() => { }, cancellationToken), failure));
                case 1 when failure is not null:
                    journal.CallEnds();
                    return ValueTask.FromException(failure);
                default:
                    journal.CallEnds();
                    if (failure is not null)
                        throw failure;

                    journal.Delivered(message);
                    return default;
            }
        }

        private async Task FinishAsync(SyncMessage message, Task before, Exception? failure)
        {
            await before;
            journal.CallEnds();
            if (failure is not null)
                throw failure;

            journal.Delivered(message);
        }
    }

    private sealed class BatchSink(Journal journal) : IBatchCloudSink
    {
        public async ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
        {
            journal.CallBegins(messages);
            if (journal.Gate is { } gate)
                await gate.Task;
            else if (journal.Chance(2) == 0)
                await Task.Yield();

            var whole = journal.IsCalm ? -1 : journal.Chance(12);
            journal.CallEnds();
            switch (whole)
            {
                case 0:
                    throw Failure(journal.Chance(8));
                case 1:
                    return null!;
                case 2:
                    return [];
                default:
                    break;
            }

            var results = new List<SinkResult>();
            foreach (var message in messages)
            {
                var chance = journal.IsCalm ? -1 : journal.Chance(12);
                if (chance < 9)
                    journal.Delivered(message);

                results.Add(chance < 9 ? SinkResult.Delivered : chance == 9 ? default : SinkResult.Failed(Failure(journal.Chance(8))));
            }

            // Whatever was not delivered at the end may as well be missing.
            while (results.Count > 0 && !results[^1].IsDelivered && journal.Chance(2) == 0)
                results.RemoveAt(results.Count - 1);

            return results;
        }
    }
}
