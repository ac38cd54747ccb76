using CloudSync.LoadTest.Parts;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>How a process of the group is.</summary>
/// <param name="Number">Which one: no two of a run have the same.</param>
/// <param name="Partitions">Partitions that it owns.</param>
/// <param name="Lag">Messages in them that it has not settled, as of the last second.</param>
internal sealed record MemberState(int Number, int Partitions, long Lag);

/// <summary>The processes of one consumer group. One change at a time; while it is under way, those that are members already may be looked at.</summary>
/// <param name="settingsOf">The settings of a process, by its number.</param>
internal sealed class Group(Func<int, ConsumerSettings> settingsOf) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly List<(int Number, Part Part)> _members = [];
    private readonly Dictionary<int, TimeSpan> _killed = [];
    private int _started;

    public int Count => Members().Length;

    public IReadOnlyList<Part> Parts => [.. Members().Select(member => member.Part)];

    /// <summary>Those that were killed, and when: from then on they took no answer.</summary>
    public IReadOnlyDictionary<int, TimeSpan> Killed => _killed;

    /// <summary>Starts processes at the same time. They are members once they run.</summary>
    /// <exception cref="InvalidOperationException">One does not start.</exception>
    public async Task AddAsync(int count)
    {
        var starting = Enumerable.Range(_started, count).Select(async number =>
        {
            var settings = settingsOf(number);
            return (number, await Part.StartAsync(settings.Cloud, settings, CancellationToken.None));
        }).ToList();
        _started += count;
        await ((Task)Task.WhenAll(starting)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
            _members.AddRange(starting.Where(start => start.IsCompletedSuccessfully).Select(start => start.Result));
        await Task.WhenAll(starting);
    }

    /// <summary>Has the newest processes end as a host does that is told to stop: what they began they finish.</summary>
    public Task StopAsync(int count) => Task.WhenAll(TakeNewest(count).Select(async member => await member.Part.DisposeAsync()));

    /// <summary>Kills the newest processes. They finish nothing.</summary>
    public async Task KillAsync(int count)
    {
        var members = TakeNewest(count);
        foreach (var (number, part) in members)
        {
            part.Kill();
            _killed[number] = MachineClock.Now;
        }

        foreach (var (_, part) in members)
            await part.DisposeAsync();
    }

    /// <exception cref="InvalidOperationException">One has ended though nobody has ended it.</exception>
    public async Task<IReadOnlyList<MemberState>> LookAsync()
    {
        return await Task.WhenAll(Members().Select(async member =>
        {
            var figures = await member.Part.AskAsync<ConsumerFigures>(ConsumerPart.ConsumerQuestion);
            return new MemberState(member.Number, figures.Partitions, figures.Lag);
        }));
    }

    /// <summary>Whether all partitions have an owner, and each process as many as the others, or one less.</summary>
    public static bool IsSettled(IReadOnlyList<MemberState> members, int partitions) =>
        members.Sum(member => member.Partitions) == partitions && members.All(member => member.Partitions >= partitions / members.Count);

    public async ValueTask DisposeAsync() => await StopAsync(Count);

    private (int Number, Part Part)[] Members()
    {
        lock (_lock)
            return [.. _members];
    }

    private List<(int Number, Part Part)> TakeNewest(int count)
    {
        lock (_lock)
        {
            var newest = _members[^count..];
            _members.RemoveRange(_members.Count - count, count);
            return newest;
        }
    }
}
