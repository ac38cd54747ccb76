using System.Globalization;
using CloudSync.Sdk;
using FsCheck;
using FsCheck.Fluent;

namespace CloudSync.Tests;

/// <summary>A step of a random sequence, in bytes: whatever they are, they mean something.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Owner">Who does it.</param>
/// <param name="Ids">With which ids; one may stand there several times.</param>
/// <param name="Time">For how long.</param>
public sealed record IdempotencyStep(byte Kind, byte Owner, byte[] Ids, byte Time);

/// <summary>Runs steps on a store and holds each answer against the <see cref="IdempotencyModel"/>.</summary>
/// <param name="owners">Clients of one store, a client for each owner; or one store as often as there are owners.</param>
/// <param name="letTimePass">Moves the store's clock.</param>
/// <param name="mayEvict">Whether the store has little room, so that ids are forgotten for want of it.</param>
internal sealed class IdempotencySteps(IReadOnlyList<IIdempotencyStore> owners, Func<TimeSpan, Task> letTimePass, bool mayEvict = false)
{
    /// <summary>The retention that the store must have.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromSeconds(60);

    private const string Kinds = "cccccmmmmxxrreettt";

    private static readonly IdempotencyKey[] Keys = [new(1, 1), new(1, 2), new(2, 1), new(1UL << 63, 3), new(ulong.MaxValue, 1)];
    private static readonly int[] Seconds = [1, 5, 10, 10, 20, 30, 60, 90];

    private readonly IdempotencyModel _model = new(Retention, mayEvict);
    private readonly Dictionary<(int Owner, IdempotencyKey Key), List<long>> _tokens = [];
    private readonly List<string> _log = [];
    private ulong _lastFresh;

    /// <summary>
    /// For properties. FsCheck's own arrays of steps are too short in their beginning and their batches too long: of seven stores that were broken on purpose they found three.
    /// </summary>
    public static Arbitrary<IdempotencyStep[]> Arbitrary() => Arb.From(
        from seed in Gen.Choose(0, int.MaxValue - 1)
        from count in Gen.Choose(1, 80)
        select Random(seed, count),
        Shorter);

    /// <summary>Steps from a seed.</summary>
    public static IdempotencyStep[] Random(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var ids = new byte[random.Next(0, 6)];
            random.NextBytes(ids);
            return new IdempotencyStep((byte)random.Next(256), (byte)random.Next(256), ids, (byte)random.Next(256));
        })];
    }

    /// <summary>A half less, or one step less, or one id less.</summary>
    private static IEnumerable<IdempotencyStep[]> Shorter(IdempotencyStep[] steps)
    {
        if (steps.Length > 3)
        {
            yield return steps[(steps.Length / 2)..];
            yield return steps[..(steps.Length / 2)];
        }

        for (var i = 0; i < steps.Length; i++)
            yield return [.. steps[..i], .. steps[(i + 1)..]];

        for (var i = 0; i < steps.Length; i++)
        {
            if (steps[i].Ids.Length > 1)
                yield return [.. steps[..i], steps[i] with { Ids = steps[i].Ids[1..] }, .. steps[(i + 1)..]];
        }
    }

    /// <exception cref="InvalidOperationException">An answer is not right. The message has all steps up to there.</exception>
    public async Task RunAsync(IEnumerable<IdempotencyStep> steps)
    {
        foreach (var step in steps)
            await RunAsync(step);

        var seen = owners.Distinct().Select(owner => owner.Statistics).ToArray();
        var (claims, duplicates, contended, takeovers) = (seen.Sum(s => s.Claims), seen.Sum(s => s.Duplicates), seen.Sum(s => s.Contended), seen.Sum(s => s.Takeovers));
        Check((claims, duplicates, contended, takeovers) == _model.Counts, $"statistics of {(claims, duplicates, contended, takeovers)}", $"{_model.Counts}");
        Check(seen.Sum(s => s.Evictions) >= _model.Evictions, $"{seen.Sum(s => s.Evictions)} evictions", $"{_model.Evictions} or more");
    }

    private async Task RunAsync(IdempotencyStep step)
    {
        var owner = step.Owner % owners.Count;
        var time = TimeSpan.FromSeconds(Seconds[step.Time % Seconds.Length]);
        var keys = step.Ids.Select(id => Keys[id % Keys.Length]).ToArray();
        switch (Kinds[step.Kind % Kinds.Length])
        {
            case 'c':
                await ClaimAsync(owner, keys, time);
                break;

            case 'm':
                await CompleteAsync(owner, Claims(owner, keys, older: step.Time % 5 == 0));
                break;

            case 'x':
                await ExtendAsync(owner, Claims(owner, keys, older: step.Time % 5 == 0), time);
                break;

            case 'r':
                await ReleaseAsync(owner, Claims(owner, keys, older: step.Time % 5 == 0));
                break;

            case 'e' when mayEvict:
                await FillAsync(owner, step.Time % 9);
                break;

            default:
                _model.Now += time;
                _log.Add($"{time.TotalSeconds} s pass");
                await letTimePass(time);
                break;
        }
    }

    private async Task ClaimAsync(int owner, IdempotencyKey[] keys, TimeSpan lease)
    {
        var answers = new ClaimResult[keys.Length];
        await owners[owner].ClaimAsync(keys, lease, answers, CancellationToken.None);
        Log(owner, $"claims for {lease.TotalSeconds} s", keys.Select(Name), answers.Select(Text));
        for (var i = 0; i < keys.Length; i++)
        {
            Check(_model.Claim(keys[i], lease, answers[i]), $"{Name(keys[i])}: {Text(answers[i])}", "another answer");
            if (answers[i].Status == ClaimStatus.Acquired)
                Tokens(owner, keys[i]).Add(answers[i].Token);
        }
    }

    private async Task CompleteAsync(int owner, IdempotencyClaim[] claims)
    {
        var answers = new bool[claims.Length];
        await owners[owner].CompleteAsync(claims, answers, CancellationToken.None);
        Log(owner, "completes", claims.Select(Name), answers.Select(a => $"{a}"));
        for (var i = 0; i < claims.Length; i++)
            Check(_model.Complete(claims[i], answers[i]), $"{Name(claims[i])}: {answers[i]}", $"{!answers[i]}");
    }

    private async Task ExtendAsync(int owner, IdempotencyClaim[] claims, TimeSpan lease)
    {
        var answers = new bool[claims.Length];
        await owners[owner].ExtendAsync(claims, lease, answers, CancellationToken.None);
        Log(owner, $"extends by {lease.TotalSeconds} s", claims.Select(Name), answers.Select(a => $"{a}"));
        for (var i = 0; i < claims.Length; i++)
            Check(_model.Extend(claims[i], lease, answers[i]), $"{Name(claims[i])}: {answers[i]}", $"{!answers[i]}");
    }

    private async Task ReleaseAsync(int owner, IdempotencyClaim[] claims)
    {
        await owners[owner].ReleaseAsync(claims, CancellationToken.None);
        Log(owner, "releases", claims.Select(Name), []);
        foreach (var claim in claims)
            _model.Release(claim);
    }

    /// <summary>Completes ids that nobody asks for again, so that a store with little room must forget others.</summary>
    private async Task FillAsync(int owner, int count)
    {
        var keys = Enumerable.Range(0, count).Select(_ => new IdempotencyKey(7, ++_lastFresh)).ToArray();
        await ClaimAsync(owner, keys, TimeSpan.FromSeconds(10));
        await CompleteAsync(owner, Claims(owner, keys, older: false));
    }

    /// <summary>The claims that an owner has, or had: its last of each id, or its first.</summary>
    private IdempotencyClaim[] Claims(int owner, IdempotencyKey[] keys, bool older) =>
        [.. keys.Where(key => Tokens(owner, key).Count > 0).Select(key => new IdempotencyClaim(key, older ? Tokens(owner, key)[0] : Tokens(owner, key)[^1]))];

    private List<long> Tokens(int owner, IdempotencyKey key)
    {
        if (!_tokens.TryGetValue((owner, key), out var tokens))
            _tokens[(owner, key)] = tokens = [];

        return tokens;
    }

    private void Check(bool isRight, string got, string expected)
    {
        if (!isRight)
            throw new InvalidOperationException($"Wrong: {got}; expected {expected}. The steps:\n{string.Join('\n', _log)}");
    }

    private void Log(int owner, string what, IEnumerable<string> items, IEnumerable<string> answers) =>
        _log.Add(string.Create(CultureInfo.InvariantCulture, $"{owner} {what}: {string.Join(' ', items)} -> {string.Join(", ", answers)}"));

    private static string Name(IdempotencyKey key) => Array.IndexOf(Keys, key) is var known and >= 0 ? $"{(char)('a' + known)}" : $"fresh-{key.Low}";

    private static string Name(IdempotencyClaim claim) => $"{Name(claim.Key)}/{claim.Token}";

    private static string Text(ClaimResult answer) => answer.Status switch
    {
        ClaimStatus.Acquired => $"Acquired/{answer.Token}{(answer.TookOver ? " (took over)" : "")}",
        ClaimStatus.Held => $"Held for {answer.HeldFor.TotalSeconds} s",
        _ => $"{answer.Status}",
    };
}
