namespace CloudSync.Sdk;

/// <summary>
/// While somebody waits for a flush, what lingers is sent at once. The client can only do that in a call that blocks, so it takes a thread, one for all flushes; and one for each client that is retired.
/// </summary>
/// <param name="isAwaited">Whether somebody waits, and there is a client.</param>
/// <param name="hurry">Sends what lingers and waits for its reports, but not for long. Says whether there is more; when the client has nothing, it returns at once.</param>
/// <param name="wait">Waits a little.</param>
internal sealed class FlushThread(Func<bool> isAwaited, Func<bool> hurry, Action wait)
{
    private int _isRunning;

    /// <summary>Whether the caller must see to it that <see cref="Run"/> is called: nobody runs.</summary>
    public bool TryStart() => Interlocked.Exchange(ref _isRunning, 1) == 0;

    /// <summary>Blocks until nobody waits for a flush.</summary>
    public void Run()
    {
        do
        {
            try
            {
                while (isAwaited())
                {
                    // What is waited for may be with a client that failed and is being retired. Without a wait this was a loop that took a processor, for as long as the brokers did not answer.
                    if (!hurry() && isAwaited())
                        wait();
                }
            }
            finally
            {
                // Whatever has gone wrong, the next flush must find that nobody runs.
                Volatile.Write(ref _isRunning, 0);
            }
        }
        while (isAwaited() && TryStart());
    }
}
