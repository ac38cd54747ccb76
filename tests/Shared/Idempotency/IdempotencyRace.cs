using System.Collections.Concurrent;
using System.Diagnostics;
using CloudSync.Sdk;

namespace CloudSync.Tests;

/// <summary>
/// Owners that race for the same ids, and stall at random for longer than their lease: each claims some, and completes them at once, or late, or gives them back. Whatever happens, an id is completed once, by
/// the last who acquired it, unless that one gave it back.
/// </summary>
/// <param name="owners">A client for each owner.</param>
/// <param name="now">The store's clock.</param>
/// <param name="letTimePass">Moves it.</param>
/// <param name="seed">Of what the owners do; what they do to each other depends on the threads too.</param>
internal sealed class IdempotencyRace(IReadOnlyList<IIdempotencyStore> owners, Func<TimeSpan> now, Action<TimeSpan> letTimePass, int seed)
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<IdempotencyKey, long> _completions = new();
    private readonly ConcurrentDictionary<IdempotencyKey, long> _lastTokens = new();
    private readonly ConcurrentDictionary<IdempotencyClaim, bool> _claims = new();
    private readonly Stopwatch _begun = Stopwatch.StartNew();
    private volatile string? _wrong;
    private int _takeovers;
    private int _refusals;

    /// <exception cref="InvalidOperationException">An id was completed more than once, or never, or by one who had been overtaken. The message has the seed.</exception>
    public async Task RunAsync(int ids)
    {
        var keys = Enumerable.Range(0, ids).Select(i => new IdempotencyKey((ulong)i * 0x9E3779B97F4A7C15, (ulong)i)).ToArray();
        await Task.WhenAll(owners.Select((owner, i) => Task.Run(() => OwnAsync(owner, new Random(seed + i), keys))));

        foreach (var key in keys)
        {
            Check(_completions.TryGetValue(key, out var token), $"{key} was never completed");

            // Who was overtaken may complete only when the last who acquired it gave it back: then the id is unknown, and free for all.
            var last = _lastTokens[key];
            Check(token == last || _claims[new IdempotencyClaim(key, last)], $"{key} was completed by token {token} when {last} had been given, and was not given back");
        }

        var answers = new ClaimResult[ids];
        await owners[0].ClaimAsync(keys, Lease, answers, CancellationToken.None);
        Check(answers.All(answer => answer.Status == ClaimStatus.Completed), "Not every id is completed in the end");
        Check(_takeovers > ids / 100 && _refusals > ids / 1000, $"The race was none: {_takeovers} takeovers, {_refusals} completions that came too late");
    }

    private async Task OwnAsync(IIdempotencyStore owner, Random random, IdempotencyKey[] keys)
    {
        var stalled = new PriorityQueue<IdempotencyClaim[], TimeSpan>();
        for (var left = keys.ToArray(); left.Length > 0;)
        {
            random.Shuffle(left);
            var done = new HashSet<IdempotencyKey>();
            foreach (var some in left.Chunk(100))
            {
                Check(_begun.Elapsed < Patience, $"After {Patience}, an owner still has {left.Length} ids to do");
                letTimePass(Lease / 100);
                while (stalled.TryPeek(out _, out var until) && until <= now())
                    await CompleteLateAsync(owner, stalled.Dequeue());

                var answers = new ClaimResult[some.Length];
                await owner.ClaimAsync(some, Lease, answers, CancellationToken.None);
                var claims = new List<IdempotencyClaim>();
                for (var i = 0; i < some.Length; i++)
                {
                    if (answers[i].Status == ClaimStatus.Completed)
                        done.Add(some[i]);
                    else if (answers[i].Status == ClaimStatus.Acquired)
                        claims.Add(new IdempotencyClaim(some[i], answers[i].Token));
                }

                Interlocked.Add(ref _takeovers, answers.Count(answer => answer.TookOver));

                // Thirds: delivered at once; delivered after a stall of one to three leases; and of the rest, half is extended first and half given back.
                var parts = claims.ToLookup(_ => random.Next(6));
                IdempotencyClaim[] prompt = [.. parts[0], .. parts[1]], slow = [.. parts[2], .. parts[3]], longer = [.. parts[4]], givenBack = [.. parts[5]];
                Remember([.. prompt, .. slow, .. longer], isGivenBack: false);
                Remember(givenBack, isGivenBack: true);
                await CompleteAsync(owner, prompt);
                stalled.Enqueue(slow, now() + (Lease * (1 + (2 * random.NextDouble()))));
                await owner.ReleaseAsync(givenBack, CancellationToken.None);
                await owner.ExtendAsync(longer, Lease, new bool[longer.Length], CancellationToken.None);
                await CompleteAsync(owner, longer);
            }

            left = [.. left.Where(key => !done.Contains(key))];
        }

        // All is done: whoever still stalls comes too late.
        while (stalled.TryDequeue(out var late, out _))
            await CompleteLateAsync(owner, late);
    }

    /// <summary>Who was overtaken tries everything: nothing of it may change what another holds, or has completed.</summary>
    private async Task CompleteLateAsync(IIdempotencyStore owner, IdempotencyClaim[] claims)
    {
        var half = claims.Length / 2;
        await owner.ExtendAsync(claims.AsMemory(0, half), Lease, new bool[half], CancellationToken.None);
        await CompleteAsync(owner, claims);
        await owner.ReleaseAsync(claims, CancellationToken.None);
    }

    private void Remember(IEnumerable<IdempotencyClaim> claims, bool isGivenBack)
    {
        foreach (var claim in claims)
        {
            Check(_claims.TryAdd(claim, isGivenBack), $"{claim.Key} was acquired twice with token {claim.Token}");
            _lastTokens.AddOrUpdate(claim.Key, claim.Token, (_, last) => Math.Max(last, claim.Token));
        }
    }

    private async Task CompleteAsync(IIdempotencyStore owner, IdempotencyClaim[] claims)
    {
        var answers = new bool[claims.Length];
        await owner.CompleteAsync(claims, answers, CancellationToken.None);
        for (var i = 0; i < claims.Length; i++)
        {
            if (answers[i])
                Check(_completions.TryAdd(claims[i].Key, claims[i].Token), $"{claims[i].Key} was completed by token {claims[i].Token}, and before by {_completions[claims[i].Key]}");
            else
                Interlocked.Increment(ref _refusals);
        }
    }

    /// <summary>Who finds something wrong ends the race for all.</summary>
    private void Check(bool holds, string otherwise)
    {
        if (!holds)
            _wrong ??= $"{otherwise} (seed {seed}, {_takeovers} takeovers, {_refusals} completions that came too late).";

        if (_wrong is { } wrong)
            throw new InvalidOperationException(wrong);
    }
}
