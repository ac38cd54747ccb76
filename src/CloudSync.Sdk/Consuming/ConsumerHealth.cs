namespace CloudSync.Sdk;

/// <summary>What one consumer is waiting for: the parts around it that fail at the moment.</summary>
internal sealed class ConsumerHealth
{
    private int _deadLettersWaiting;
    private int _storeDown;

    /// <summary>What nothing should be read for.</summary>
    public PauseReasons Waits =>
        (Volatile.Read(ref _deadLettersWaiting) > 0 ? PauseReasons.DeadLettersDown : PauseReasons.None)
        | (Volatile.Read(ref _storeDown) != 0 ? PauseReasons.StoreDown : PauseReasons.None);

    /// <returns>Whether this is news.</returns>
    public bool StoreFailed() => Interlocked.Exchange(ref _storeDown, 1) == 0;

    public void StoreAnswered()
    {
        if (Volatile.Read(ref _storeDown) != 0)
            Volatile.Write(ref _storeDown, 0);
    }

    public void DeadLetterWaits() => Interlocked.Increment(ref _deadLettersWaiting);

    public void DeadLetterWritten() => Interlocked.Decrement(ref _deadLettersWaiting);
}
