namespace CloudSync.Sdk;

/// <summary>What one consumer is waiting for: the parts around it that fail at the moment.</summary>
internal sealed class ConsumerHealth
{
    private int _deadLettersWaiting;

    /// <summary>What nothing should be read for.</summary>
    public PauseReasons Waits => Volatile.Read(ref _deadLettersWaiting) > 0 ? PauseReasons.DeadLettersDown : PauseReasons.None;

    public void DeadLetterWaits() => Interlocked.Increment(ref _deadLettersWaiting);

    public void DeadLetterWritten() => Interlocked.Decrement(ref _deadLettersWaiting);
}
