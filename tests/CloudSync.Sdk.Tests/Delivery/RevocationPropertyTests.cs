using System.Text;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>
/// Partitions come and go while calls are under way, fail, and wait for retries; what was not committed is read again from the committed offset, as Kafka would
/// give it. Each message still reaches the sink's success once, in the order of its key, and nothing is left behind in memory.
/// </summary>
public class RevocationPropertyTests
{
    private const int Partitions = 2;

    [Property(MaxTest = 60)]
    public async Task Each_message_is_delivered_once_and_in_order_through_any_number_of_assignments(int seed, bool inBatches)
    {
        var random = new Random(seed);
        var sink = new Sink(seed);
        using var test = new PipelineUnderTest(
            inBatches ? new FakeBatchSink(sink.SendAllAsync) : new FakeSink(sink.SendAsync),
            options =>
            {
                options.MaxConcurrency = 4;
                options.MaxBatchSize = 3;
                options.Retry.MaxRetryAttempts = 1_000;
                options.Retry.InitialDelay = options.Retry.MaxDelay = TimeSpan.FromMilliseconds(300);
                options.Breaker.FailuresToOpen = 4;
                options.Breaker.BreakDuration = TimeSpan.FromMilliseconds(500);
                options.SinkTimeout = TimeSpan.FromHours(1);
                options.Idempotency.Lease = TimeSpan.FromHours(1);
                options.Idempotency.Retention = TimeSpan.FromDays(1);
                options.Idempotency.CleanupInterval = TimeSpan.FromHours(1);
            },
            new FasterClock());
        var log = Enumerable.Range(0, Partitions).Select(_ => Enumerable.Range(0, 40).Select(_ => $"key-{random.Next(4)}").ToArray()).ToArray();
        var read = new int[Partitions];
        var committed = new long[Partitions];
        for (var partition = 0; partition < Partitions; partition++)
            test.Reassign(partition, offset: 0);

        for (var round = 0; round < 40 || Enumerable.Range(0, Partitions).Any(p => read[p] < log[p].Length); round++)
        {
            var partition = random.Next(Partitions);
            if (random.Next(5) == 0)
            {
                await GiveUpAsync(partition);
                read[partition] = (int)committed[partition];
                test.Reassign(partition, committed[partition]);
            }

            var count = Math.Min(random.Next(8), log[partition].Length - read[partition]);
            test.Read(partition, [.. log[partition].Skip(read[partition]).Take(count).Select(key => (key, (string?)null))]);
            read[partition] += count;
            if (random.Next(2) == 0)
                await Task.Yield();
        }

        await test.SettledAsync();
        for (var partition = 0; partition < Partitions; partition++)
            sink.Check(partition, log[partition]);

        async Task GiveUpAsync(int partition)
        {
            var progress = test.Partition(partition);
            var isLost = random.Next(2) == 0;
            if (isLost)
            {
                // Lost: nothing more is committed, and calls under way end when they end.
                progress.Close();
                test.Pipeline.DropRevoked();
                return;
            }

            progress.Revoke();
            test.Pipeline.DropRevoked();
            if (random.Next(2) == 0)
                await Eventually.True(() => test.Pipeline.Lanes.IsIdle(progress));

            committed[partition] = Math.Max(committed[partition], progress.CommitOffset);
            progress.Close();
            test.Pipeline.DropRevoked();
        }
    }

    private sealed class Sink(int seed)
    {
        private readonly Lock _gate = new();
        private readonly Random _random = new(seed);
        private readonly List<(bool Delivered, int Partition, long Offset, string Key)> _steps = [];

        public async ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
        {
            Add(false, message);
            await WorkAsync();
            Add(true, message);
        }

        public async ValueTask<IReadOnlyList<SinkResult>> SendAllAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
        {
            foreach (var message in messages)
                Add(false, message);

            await WorkAsync();
            var results = new List<SinkResult>();
            foreach (var message in messages)
            {
                var isDelivered = Chance(4) != 0;
                if (isDelivered)
                    Add(true, message);

                results.Add(isDelivered ? SinkResult.Delivered : SinkResult.Failed(new TimeoutException()));
            }

            return results;
        }

        public void Check(int partition, string[] keys)
        {
            lock (_gate)
            {
                var steps = _steps.Where(s => s.Partition == partition).ToArray();
                Assert.Equal(Enumerable.Range(0, keys.Length).Select(i => (long)i), steps.Where(s => s.Delivered).Select(s => s.Offset).Order());
                foreach (var key in steps.GroupBy(s => s.Key))
                {
                    var last = -1L;
                    foreach (var (isDelivered, _, offset, _) in key)
                    {
                        var expected = Array.FindIndex(keys, (int)last + 1, k => k == key.Key);
                        Assert.Equal(expected, offset);
                        last = isDelivered ? offset : last;
                    }
                }
            }
        }

        private async Task WorkAsync()
        {
            switch (Chance(6))
            {
                case 0:
                    throw new TimeoutException();
                case 1:
                    await Task.Yield();
                    throw new SinkException(ErrorType.Transient, "hiccup");
                case 2:
                    await Task.Delay(1);
                    break;
                case 3:
                    await Task.Yield();
                    break;
                default:
                    break;
            }
        }

        private int Chance(int of)
        {
            lock (_gate)
                return _random.Next(of);
        }

        private void Add(bool delivered, SyncMessage message)
        {
            lock (_gate)
                _steps.Add((delivered, message.Partition, message.Offset, Encoding.UTF8.GetString(message.Key!.Value.Span)));
        }
    }
}
