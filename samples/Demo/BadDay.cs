namespace Demo;

/// <summary>What an endpoint does to a request.</summary>
internal enum Weather
{
    /// <summary>It is served.</summary>
    Fair,

    /// <summary>It is served, late.</summary>
    Slow,

    /// <summary>503. The endpoint is down for a while, for every request.</summary>
    Down,

    /// <summary>429 with Retry-After, for a while, for every request.</summary>
    Throttled,

    /// <summary>No answer, and nothing was done.</summary>
    HangBefore,

    /// <summary>No answer, though the message was accepted.</summary>
    HangAfter,

    /// <summary>The connection is cut, and nothing was done.</summary>
    ResetBefore,

    /// <summary>The connection is cut after the message was accepted: the answer is lost.</summary>
    ResetAfter,

    /// <summary>401, whatever key is sent. Only by hand.</summary>
    Locked,
}

/// <summary>
/// What goes wrong at an endpoint, and when: planned by the number of messages it has seen, so that every run meets all of it whatever its size. The day
/// gets better after the expected messages, and a stranger's message meets a healthy endpoint.
/// </summary>
internal sealed class BadDay(int expected, int seed, TimeProvider time)
{
    public static readonly TimeSpan Outage = TimeSpan.FromSeconds(1.5);
    public static readonly TimeSpan Throttling = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, Weather> _plan = Plan(expected);
    private readonly long[] _counts = new long[Enum.GetValues<Weather>().Length];
    private long _seen;
    private Weather _spell = Weather.Fair;
    private long _spellBegan;

    /// <summary>What every request meets until it is <see langword="null"/> again: somebody makes the weather by hand.</summary>
    public Weather? Forced { get; set; }

    /// <summary>How many requests met this weather.</summary>
    public long Count(Weather weather) => Volatile.Read(ref _counts[(int)weather]);

    /// <summary>The weather for the next request, which carries so many messages.</summary>
    public Weather Next(int messages = 1)
    {
        lock (_lock)
        {
            var first = _seen;
            _seen += messages;
            var weather = Forced ?? Now(first);
            _counts[(int)weather]++;
            return weather;
        }
    }

    private Weather Now(long first)
    {
        if (_spell != Weather.Fair)
        {
            if (time.GetElapsedTime(_spellBegan) < (_spell == Weather.Down ? Outage : Throttling))
                return _spell;
            _spell = Weather.Fair;
        }

        // At most one event each request; a spell holds back those that fall into it, and none is left out.
        if (_plan.Count > 0 && _plan.First() is var (at, planned) && at < _seen)
        {
            _plan.Remove(at);
            if (planned is Weather.Down or Weather.Throttled)
                (_spell, _spellBegan) = (planned, time.GetTimestamp());
            return planned;
        }

        return first >= expected ? Weather.Fair : Drizzle(first);
    }

    private Weather Drizzle(long n) => (Mix((ulong)n + ((ulong)seed << 32)) % 5_000) switch
    {
        0 => Weather.HangBefore,
        1 => Weather.HangAfter,
        < 20 => Weather.ResetBefore,
        < 40 => Weather.ResetAfter,
        < 90 => Weather.Slow,
        _ => Weather.Fair,
    };

    private static SortedDictionary<long, Weather> Plan(int expected)
    {
        (double At, Weather Weather)[] events =
        [
            (0.02, Weather.ResetAfter), (0.15, Weather.Down), (0.05, Weather.Slow), (0.35, Weather.Throttled), (0.10, Weather.ResetBefore),
            (0.25, Weather.HangAfter), (0.45, Weather.HangBefore), (0.60, Weather.Down), (0.70, Weather.ResetAfter), (0.80, Weather.Throttled),
        ];
        var plan = new SortedDictionary<long, Weather>();

        // A small run meets fewer of them, or one message would use up its attempts.
        foreach (var (share, weather) in events.Take(1 + (expected / 10)))
        {
            var at = (long)(share * expected);
            while (!plan.TryAdd(at, weather))
                at++;
        }

        return plan;
    }

    // SplitMix64's finaliser: the same day every time, without a pattern.
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
