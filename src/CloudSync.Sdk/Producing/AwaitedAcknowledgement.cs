using System.Threading.Tasks.Sources;

namespace CloudSync.Sdk;

/// <summary>The acknowledgement that <see cref="ICloudSyncProducer.ProduceAsync"/> awaits, without a task for each message.</summary>
/// <remarks>
/// It is used again when both have let go of it: the one who awaits, and the client, which tells it once. A wait that was cancelled may be over long before that; what is never awaited, or never
/// told, is left to the garbage collector. Await it once: a second look may meet another message's wait, and then throws.
/// </remarks>
internal sealed class AwaitedAcknowledgement : IProduceAcknowledgement, IValueTaskSource<ProducedMessage>
{
    private const int Capacity = 4_096;

    private static readonly Pool<AwaitedAcknowledgement> Free = new(Capacity);

    // What comes after the wait must not run on the thread that polls.
    private ManualResetValueTaskSourceCore<ProducedMessage> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _cancellation;
    private bool _isCancellable;
    private int _isDecided;
    private int _isRead;
    private int _holders;

    private AwaitedAcknowledgement()
    {
    }

    public static AwaitedAcknowledgement Take()
    {
        var acknowledgement = Free.TryTake() ?? new AwaitedAcknowledgement();
        acknowledgement._holders = 2;
        return acknowledgement;
    }

    /// <summary>Waits until the message is acknowledged or refused, or the token is cancelled. Called once, after the message was queued.</summary>
    public ValueTask<ProducedMessage> WaitAsync(CancellationToken cancellationToken)
    {
        var wait = new ValueTask<ProducedMessage>(this, _core.Version);
        _isCancellable = cancellationToken.CanBeCanceled;
        if (_isCancellable)
            _cancellation = cancellationToken.UnsafeRegister(static (state, token) => ((AwaitedAcknowledgement)state!).Cancel(token), this);
        return wait;
    }

    public void Acknowledged(in ProducedMessage produced)
    {
        if (TryDecide())
            _core.SetResult(produced);
        LetGo();
    }

    public void Failed(ProduceFailedException failure)
    {
        if (TryDecide())
            _core.SetException(failure);
        LetGo();
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    public ProducedMessage GetResult(short token)
    {
        // One who is too early gets an exception, and is no holder. Nor is one who comes a second time while the client still holds this: counted twice, it would be another's before the client has told it.
        var isHolder = _core.GetStatus(token) != ValueTaskSourceStatus.Pending;
        if (isHolder && Interlocked.Exchange(ref _isRead, 1) != 0)
            throw new InvalidOperationException("What ProduceAsync returns was awaited a second time. Await it once, or call AsTask first.");

        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            // A cancellation that is under way, or was, may still touch this object: then nobody else may get it.
            if (isHolder && (!_isCancellable || _cancellation.Unregister()))
                LetGo();
        }
    }

    private void Cancel(CancellationToken token)
    {
        if (TryDecide())
            _core.SetException(new OperationCanceledException(token));
    }

    private bool TryDecide() => Interlocked.Exchange(ref _isDecided, 1) == 0;

    private void LetGo()
    {
        if (Interlocked.Decrement(ref _holders) != 0)
            return;

        _core.Reset();
        _cancellation = default;
        (_isDecided, _isRead) = (0, 0);
        Free.Give(this);
    }
}
