using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace CloudSync.Benchmarks;

/// <summary>
/// What remembering a million ids costs, and ten: memory, time, and the pauses that others notice. Beside it dictionaries as one would write them, in the same run.
/// <c>-- --memory [rounds] [ids…]</c>
/// </summary>
internal static class IdempotencyMemory
{
    private const int Batch = 500;
    private const int Lookups = 1_000_000;

    public static void Run(string[] args)
    {
        var numbers = args.Select(arg => int.Parse(arg, CultureInfo.InvariantCulture)).ToArray();
        var rounds = numbers.Length > 0 ? numbers[0] : 5;
        Console.WriteLine($"Medians of {rounds} rounds; batches of {Batch}; claim+complete by one thread.");
        Console.WriteLine("| ids | store | bytes an id | claim+complete/s while filling | when full, ns | duplicate, ns | full GC, ms | longest call while filling, ms |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (var ids in numbers.Length > 1 ? numbers[1..] : [1_000_000, 10_000_000])
        {
            var candidates = new (string Name, Func<ICandidate> Make)[]
            {
                ("InMemoryIdempotencyStore", () => new Store(ids)),
                ("ConcurrentDictionary<UInt128, long>", () => new Dictionary()),
                ("ConcurrentDictionary<string, long>", () => new StringDictionary()),
            };
            var figures = candidates.Select(_ => new List<double[]>()).ToArray();
            for (var round = 0; round < rounds; round++)
            {
                for (var i = 0; i < candidates.Length; i++)
                    figures[i].Add(Measure(candidates[i].Make, ids));
            }

            for (var i = 0; i < candidates.Length; i++)
            {
                var medians = Enumerable.Range(0, 6).Select(f => figures[i].Select(round => round[f]).Order().ElementAt(rounds / 2)).ToArray();
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {ids:N0} | `{candidates[i].Name}` | {medians[0]:F1} | {medians[1] / 1e6:F2} M | {medians[5]:F0} | {medians[2]:F0} | {medians[3]:F1} | {medians[4]:F1} |"));
            }
        }
    }

    private static double[] Measure(Func<ICandidate> make, int ids)
    {
        Collect();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var candidate = make();
        long busy = 0, longest = 0;
        for (var first = 0L; first < ids; first += Batch)
        {
            candidate.Prepare(first, step: 1);
            var start = Stopwatch.GetTimestamp();
            candidate.Claim();
            var claimed = Stopwatch.GetTimestamp();
            candidate.Complete();
            var end = Stopwatch.GetTimestamp();
            busy += end - start;
            longest = Math.Max(longest, Math.Max(claimed - start, end - claimed));
        }

        Collect();
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        var fullCollection = Enumerable.Range(0, 5).Max(_ => Collect().TotalMilliseconds);

        // Spread over all but the oldest, of which the store may have forgotten some.
        long hits = 0, found = 0;
        for (var i = 0; i < Lookups / Batch; i++)
        {
            candidate.Prepare((ids / 20) + (long)(i * 7_919L * Batch % (ids / 2)), step: ids * 4 / 10 / Batch);
            var start = Stopwatch.GetTimestamp();
            candidate.Claim();
            hits += Stopwatch.GetTimestamp() - start;
            found += candidate.Duplicates;
        }

        if (found != Lookups)
            throw new InvalidOperationException($"{Lookups - found} of {Lookups} duplicates were not found.");

        // As it goes on then: the store forgets the oldest for each new one, the others keep all.
        long steady = 0;
        for (var first = (long)ids; first < ids + Lookups; first += Batch)
        {
            candidate.Prepare(first, step: 1);
            var start = Stopwatch.GetTimestamp();
            candidate.Claim();
            candidate.Complete();
            steady += Stopwatch.GetTimestamp() - start;
        }

        candidate.Dispose();
        return
        [
            (double)bytes / ids,
            ids / Stopwatch.GetElapsedTime(0, busy).TotalSeconds,
            Stopwatch.GetElapsedTime(0, hits).TotalNanoseconds / Lookups,
            fullCollection,
            Stopwatch.GetElapsedTime(0, longest).TotalMilliseconds,
            Stopwatch.GetElapsedTime(0, steady).TotalNanoseconds / Lookups,
        ];
    }

    private static TimeSpan Collect()
    {
        var start = Stopwatch.GetTimestamp();
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: false);
        return Stopwatch.GetElapsedTime(start);
    }

    private interface ICandidate : IDisposable
    {
        int Duplicates { get; }

        void Prepare(long first, int step);

        void Claim();

        void Complete();
    }

    private sealed class Store(int ids) : ICandidate
    {
        private readonly InMemoryIdempotencyStore _store = new(new IdempotencyOptions { MaxEntries = ids, Retention = TimeSpan.FromHours(10) }, TimeProvider.System);
        private readonly IdempotencyKey[] _keys = new IdempotencyKey[Batch];
        private readonly ClaimResult[] _results = new ClaimResult[Batch];
        private readonly IdempotencyClaim[] _claims = new IdempotencyClaim[Batch];
        private readonly bool[] _held = new bool[Batch];

        public int Duplicates => _results.Count(result => result.Status == ClaimStatus.Completed);

        public void Prepare(long first, int step)
        {
            for (var i = 0; i < Batch; i++)
                _keys[i] = ClaimBenchmarks.KeyOf(first + (i * (long)step));
        }

        public void Claim() => _store.ClaimAsync(_keys, TimeSpan.FromSeconds(30), _results, default).AsTask().GetAwaiter().GetResult();

        public void Complete()
        {
            for (var i = 0; i < Batch; i++)
                _claims[i] = new IdempotencyClaim(_keys[i], _results[i].Token);

            _store.CompleteAsync(_claims, _held, default).AsTask().GetAwaiter().GetResult();
        }

        public void Dispose() => _store.Dispose();
    }

    /// <summary>Hashed ids, and when each expires.</summary>
    private sealed class Dictionary : ICandidate
    {
        private readonly ConcurrentDictionary<UInt128, long> _ids = new();
        private readonly UInt128[] _keys = new UInt128[Batch];

        public int Duplicates { get; private set; }

        public void Prepare(long first, int step)
        {
            for (var i = 0; i < Batch; i++)
            {
                var key = ClaimBenchmarks.KeyOf(first + (i * (long)step));
                _keys[i] = new UInt128(key.High, key.Low);
            }
        }

        public void Claim()
        {
            var until = Environment.TickCount64 + 30_000;
            Duplicates = 0;
            foreach (var key in _keys)
                Duplicates += _ids.TryAdd(key, until) ? 0 : 1;
        }

        public void Complete()
        {
            var until = Environment.TickCount64 + 3_600_000;
            foreach (var key in _keys)
                _ids[key] = until;
        }

        public void Dispose() => _ids.Clear();
    }

    /// <summary>The ids as they came, 36 characters each.</summary>
    private sealed class StringDictionary : ICandidate
    {
        private readonly ConcurrentDictionary<string, long> _ids = new();
        private readonly string[] _keys = new string[Batch];

        public int Duplicates { get; private set; }

        public void Prepare(long first, int step)
        {
            for (var i = 0; i < Batch; i++)
            {
                var key = ClaimBenchmarks.KeyOf(first + (i * (long)step));
                _keys[i] = new Guid((int)key.High, (short)(key.High >> 32), (short)(key.High >> 48), BitConverter.GetBytes(key.Low)).ToString();
            }
        }

        public void Claim()
        {
            var until = Environment.TickCount64 + 30_000;
            Duplicates = 0;
            foreach (var key in _keys)
                Duplicates += _ids.TryAdd(key, until) ? 0 : 1;
        }

        public void Complete()
        {
            var until = Environment.TickCount64 + 3_600_000;
            foreach (var key in _keys)
                _ids[key] = until;
        }

        public void Dispose() => _ids.Clear();
    }
}
