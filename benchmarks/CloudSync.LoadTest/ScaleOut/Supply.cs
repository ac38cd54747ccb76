using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Measuring;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>Produces more than the group takes, and no further ahead of it than it must: each process has something to do at any time, and in the end not much is left.</summary>
internal sealed class Supply(ITarget target, AcceptedLedger ledger)
{
    /// <summary>
    /// What each process shall have before it. The lag that it says is up to a second old, and by then it may have taken a second's worth, so less would let it run dry. More would hide what is asked: what a process
    /// already holds comes before what it reads of partitions that it takes over.
    /// </summary>
    public static readonly TimeSpan Ahead = TimeSpan.FromSeconds(1.5);

    /// <summary>What all may be behind together. While partitions have no owner, what they get waits, and the others must go on.</summary>
    public static readonly TimeSpan MostAhead = TimeSpan.FromSeconds(30);

    /// <summary>Produced is so much more than can be taken.</summary>
    private const double Surplus = 1.25;

    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(10);

    private readonly Recorder _recorder = new();
    private double _rate;

    /// <summary>Messages a second from now on.</summary>
    public double Rate
    {
        get => Volatile.Read(ref _rate);
        set => Volatile.Write(ref _rate, value);
    }

    /// <summary>What was not acknowledged, by kind.</summary>
    public IReadOnlyDictionary<string, long> Errors => _recorder.Errors;

    /// <summary>At which rate to produce.</summary>
    /// <param name="members">The group. What a process without partitions has to do is not up to the producer.</param>
    /// <param name="partitions">Partitions of the topic. What goes into those that have no owner comes on top: those that have one get no less for it.</param>
    /// <param name="capacity">What one of the group takes a second.</param>
    /// <param name="outstanding">Messages that were accepted and have not arrived.</param>
    /// <param name="most">How many of them there may be.</param>
    public static double Wanted(IReadOnlyList<MemberState> members, int partitions, double capacity, long outstanding, long most)
    {
        var owners = members.Where(member => member.Partitions > 0).ToList();
        var isEnough = outstanding >= most || (owners.Count > 0 && owners.Min(member => member.Lag) >= capacity * Ahead.TotalSeconds);
        var withoutOwner = owners.Count > 0 ? (double)partitions / owners.Sum(member => member.Partitions) : 1;
        return isEnough ? 0 : Surplus * capacity * Math.Max(1, members.Count) * withoutOwner;
    }

    /// <summary>Until it is cancelled, and all is acknowledged.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var (at, owed) = (MachineClock.Now, 0.0);
        while (!cancellationToken.IsCancellationRequested)
        {
            var now = MachineClock.Now;
            owed += Rate * (now - at).TotalSeconds;
            at = now;
            if ((int)owed is > 0 and var count)
                target.Begin(new Request(ledger.Reserve(count), count, System.Diagnostics.Stopwatch.GetTimestamp(), DateTimeOffset.UtcNow), _recorder, CancellationToken.None);
            owed -= (int)owed;
            await Task.Delay(Beat, CancellationToken.None);
        }

        await target.UntilAnsweredAsync();
    }
}
