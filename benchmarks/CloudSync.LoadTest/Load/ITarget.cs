using CloudSync.LoadTest.Measuring;

namespace CloudSync.LoadTest.Load;

/// <summary>Messages that are due at the same time, and sent together.</summary>
/// <param name="First">The number of the first.</param>
/// <param name="Count">How many.</param>
/// <param name="Due">When they are due, by the clock of <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>.</param>
/// <param name="DueTime">The same, by the clock of the world.</param>
internal readonly record struct Request(long First, int Count, long Due, DateTimeOffset DueTime);

/// <summary>Whom messages are sent to.</summary>
internal interface ITarget
{
    /// <summary>How many requests may be under way at the same time.</summary>
    int InFlightLimit { get; }

    /// <summary>
    /// Waits for a place, begins a request and does not wait for its end. What becomes of it is told the recorder and the ledger.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="recorder">Of the step.</param>
    /// <param name="cancellationToken">Ends the wait; the request is then not begun.</param>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    void Begin(in Request request, Recorder recorder, CancellationToken cancellationToken);

    /// <summary>Waits until nothing is under way.</summary>
    Task UntilAnsweredAsync();
}
