namespace CloudSync.Sdk.Testing;

/// <summary>How a <see cref="ScriptedSink"/> answers one attempt.</summary>
public sealed class SinkAnswer
{
    private readonly Func<TimeProvider, CancellationToken, Task> _play;

    private SinkAnswer(Func<TimeProvider, CancellationToken, Task> play) => _play = play;

    /// <summary>The message is delivered.</summary>
    public static SinkAnswer Succeed { get; } = new((_, _) => Task.CompletedTask);

    /// <summary>No answer comes. The attempt ends with <see cref="OperationCanceledException"/> when its token fires, as it does for a well-behaved client.</summary>
    public static SinkAnswer Hang { get; } = new((_, cancellationToken) => Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken));

    /// <summary>The attempt fails.</summary>
    /// <param name="error">What is thrown, or reported for the message of a batch.</param>
    /// <exception cref="ArgumentNullException"><paramref name="error"/> is <see langword="null"/>.</exception>
    public static SinkAnswer Fail(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return new SinkAnswer((_, _) => Task.FromException(error));
    }

    /// <summary>The attempt fails with a <see cref="SinkException"/> of this kind.</summary>
    /// <param name="errorType">The kind.</param>
    /// <param name="retryAfter">How long the endpoint asks us to wait; <see langword="null"/> when it does not say.</param>
    public static SinkAnswer Fail(ErrorType errorType, TimeSpan? retryAfter = null) =>
        new((_, _) => Task.FromException(new SinkException(errorType, $"The script of the sink says: {errorType}.") { RetryAfter = retryAfter }));

    /// <summary>The answer takes a while, on the sink's <see cref="TimeProvider"/>. Ends early, with <see cref="OperationCanceledException"/>, when the token fires.</summary>
    /// <param name="delay">How long.</param>
    /// <param name="then">The answer; <see cref="Succeed"/> when <see langword="null"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="delay"/> is negative.</exception>
    public static SinkAnswer Delay(TimeSpan delay, SinkAnswer? then = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        return new SinkAnswer(async (timeProvider, cancellationToken) =>
        {
            await Task.Delay(delay, timeProvider, cancellationToken).ConfigureAwait(false);
            await (then ?? Succeed).PlayAsync(timeProvider, cancellationToken).ConfigureAwait(false);
        });
    }

    /// <summary>The attempt takes no notice of its token, as a badly written sink does, and is answered when the task has completed.</summary>
    /// <param name="until">What releases it: the task of a <see cref="TaskCompletionSource"/> that the test holds.</param>
    /// <param name="then">The answer; <see cref="Succeed"/> when <see langword="null"/>.</param>
    /// <exception cref="ArgumentNullException"><paramref name="until"/> is <see langword="null"/>.</exception>
    public static SinkAnswer Block(Task until, SinkAnswer? then = null)
    {
        ArgumentNullException.ThrowIfNull(until);
        return new SinkAnswer(async (timeProvider, cancellationToken) =>
        {
            await until.ConfigureAwait(false);
            await (then ?? Succeed).PlayAsync(timeProvider, cancellationToken).ConfigureAwait(false);
        });
    }

    internal Task PlayAsync(TimeProvider timeProvider, CancellationToken cancellationToken) => _play(timeProvider, cancellationToken);
}
