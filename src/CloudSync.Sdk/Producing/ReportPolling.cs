namespace CloudSync.Sdk;

/// <summary>
/// Who fetches the delivery reports of a client: a thread that waits for them, and, while much is produced, the threads that produce.
/// </summary>
/// <remarks>
/// <para>
/// A report frees what the client allocated when it took the record, and most of that is headers. Freed by the thread that allocated it, it is the next record's; freed by another
/// one, it goes back to an arena that both fight over. So the producing threads poll, every few records, and the waiting thread looks only now and then whether they still do.
/// </para>
/// <para>
/// Below <see cref="BusyRate"/> the thread waits inside the client and hears of a report at once. Above it, a report waits for the next few records, or for the thread's next look:
/// <see cref="Look"/> at most, and not at all when somebody says that he waits (<see cref="Hasten"/>).
/// </para>
/// <para>One polls at a time, and nobody waits for his turn; one that is told may produce again. A flush polls beside them, so reports may be told at the same time and in any order.</para>
/// </remarks>
internal sealed class ReportPolling
{
    /// <summary>Records in a millisecond from which on the producing threads poll. Far fewer would leave reports lying for longer than the network takes.</summary>
    public const int BusyRate = 25;

    /// <summary>Records of one poll of a producing thread: few, so that a report does not lie long, and enough that the poll costs little.</summary>
    private const int Every = 16;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(1);

    /// <summary>How long the thread waits in the client: how long an idle client takes to end, too.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly Action<TimeSpan> _poll;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private readonly object _looking = new();
    private ExecutionContext? _noContext;
    private volatile bool _isStopped;
    private volatile bool _producersPoll;
    private bool _isHastened;
    private int _isPolling;
    private int _produced;
    private int _producedBefore;
    private long _lookedAt;

    /// <summary>Starts the thread.</summary>
    /// <param name="poll">Waits so long for reports, and handles them. It must not throw.</param>
    /// <param name="name">Of the thread.</param>
    /// <param name="time">The clock that the rate is measured by.</param>
    public ReportPolling(Action<TimeSpan> poll, string name, TimeProvider time)
    {
        _poll = poll;
        _time = time;
        _lookedAt = time.GetTimestamp();
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        // Not with the context of whoever comes first (its span, its culture), for as long as the client lives.
        _thread.UnsafeStart();
    }

    /// <summary>Whether the producing threads poll.</summary>
    public bool ProducersPoll => _producersPoll;

    /// <summary>A record was produced by the calling thread.</summary>
    public void Produced()
    {
        // Threads may take each other's counts away here; it is a rate, and an exact one would cost each record a locked instruction.
        if (++_produced % Every == 0 && _producersPoll)
            TryPoll();
    }

    /// <summary>Somebody is about to wait for room: the reports that there are may make some.</summary>
    public void PollNow()
    {
        if (_producersPoll)
            TryPoll();
    }

    /// <summary>Somebody waits for reports (for room, for a flush) and produces nothing meanwhile: the thread shall look at once.</summary>
    public void Hasten()
    {
        if (_producersPoll)
            Wake();
    }

    /// <summary>Ends the thread. Nothing polls after it, if nobody produces any more.</summary>
    public void Stop()
    {
        _isStopped = true;
        Wake();
        _thread.Join();
    }

    private void Run()
    {
        _noContext = ExecutionContext.Capture();
        while (!_isStopped)
        {
            _producersPoll = AreProducersBusy();
            if (_producersPoll && IsHastenedWithinALook())
                _producersPoll = false;
            // Whoever polls may be without a processor for some milliseconds: to ask again and again whether he is done would take that of somebody else.
            if (!_producersPoll && !_isStopped && !TryPoll(Patience))
                IsHastenedWithinALook();
        }
    }

    private bool IsHastenedWithinALook()
    {
        lock (_looking)
        {
            var isHastened = _isHastened || (Monitor.Wait(_looking, Look) && _isHastened);
            _isHastened = false;
            return isHastened;
        }
    }

    private void Wake()
    {
        lock (_looking)
        {
            _isHastened = true;
            Monitor.Pulse(_looking);
        }
    }

    /// <summary>A rate needs a while to be measured in: two records in a row are not many.</summary>
    private bool AreProducersBusy()
    {
        var elapsed = _time.GetElapsedTime(_lookedAt);
        if (elapsed < Look)
            return _producersPoll;

        var produced = Volatile.Read(ref _produced);
        var isBusy = produced - _producedBefore >= BusyRate * elapsed.TotalMilliseconds;
        (_producedBefore, _lookedAt) = (produced, _time.GetTimestamp());
        return isBusy;
    }

    private void TryPoll()
    {
        // What is told of its message must not see the context of the one who just produces another.
        if (_noContext is { } none)
            ExecutionContext.Run(none, static polling => ((ReportPolling)polling!).TryPoll(TimeSpan.Zero), this);
    }

    /// <summary>Whether it was nobody else's turn.</summary>
    private bool TryPoll(TimeSpan wait)
    {
        if (Interlocked.Exchange(ref _isPolling, 1) != 0)
            return false;

        try
        {
            _poll(wait);
            return true;
        }
        finally
        {
            Volatile.Write(ref _isPolling, 0);
        }
    }
}
