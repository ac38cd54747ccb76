using System.Collections.Concurrent;

namespace CloudSync.Sdk.Testing;

/// <summary>
/// A sink that answers as it is told, message by message and attempt by attempt, and records every attempt. Serves single messages and batches; may be used
/// from any thread.
/// </summary>
/// <remarks>
/// The items of a batch are answered at the same time, each by its own script; the call returns when the last is answered, with a result for every index,
/// and never throws.
/// </remarks>
/// <example>
/// <code>
/// var sink = new ScriptedSink()
///     .On("order-7", SinkAnswer.Fail(ErrorType.ServiceUnavailable), SinkAnswer.Fail(ErrorType.Timeout))   // then it is delivered
///     .On("order-8", SinkAnswer.Hang);
/// </code>
/// </example>
public sealed class ScriptedSink : ICloudSink, IBatchCloudSink
{
    private readonly Func<SyncMessage, int, SinkAnswer> _otherwise;
    private readonly TimeProvider _timeProvider;
    private readonly ConcurrentDictionary<string, SinkAnswer[]> _scripts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly ArrivalLog<SinkAttempt> _attempts = new("attempts");
    private readonly ArrivalLog<SyncMessage> _delivered = new("deliveries");

    /// <summary>A sink that delivers everything that <see cref="On"/> says nothing about.</summary>
    /// <param name="timeProvider">The clock of <see cref="SinkAnswer.Delay"/> and <see cref="SinkAttempt.StartedAt"/>; the system's when <see langword="null"/>.</param>
    public ScriptedSink(TimeProvider? timeProvider = null)
        : this((_, _) => SinkAnswer.Succeed, timeProvider)
    {
    }

    /// <summary>A sink that asks a function for its answers.</summary>
    /// <param name="script">
    /// From the message and the number of the attempt at its id, from 1, to the answer. It runs on the caller's thread, so a function that blocks is a sink that
    /// blocks its thread; what it throws is thrown by the sink.
    /// </param>
    /// <param name="timeProvider">The clock of <see cref="SinkAnswer.Delay"/> and <see cref="SinkAttempt.StartedAt"/>; the system's when <see langword="null"/>.</param>
    /// <exception cref="ArgumentNullException"><paramref name="script"/> is <see langword="null"/>.</exception>
    public ScriptedSink(Func<SyncMessage, int, SinkAnswer> script, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(script);
        _otherwise = script;
        _timeProvider = timeProvider ?? TimeProvider.System;
    }

    /// <summary>Every attempt so far, in the order in which they began.</summary>
    public IReadOnlyList<SinkAttempt> Attempts => _attempts.Snapshot();

    /// <summary>The messages delivered so far, in the order in which they were. One that was delivered twice is there twice.</summary>
    public IReadOnlyList<SyncMessage> Delivered => _delivered.Snapshot();

    /// <summary>Sets the answers for one message id, attempt by attempt. After the last of them the sink answers as it does without.</summary>
    /// <param name="id">The message id.</param>
    /// <param name="answers">The answer to the first attempt at this id, to the second, and so on.</param>
    /// <returns>This sink.</returns>
    /// <exception cref="ArgumentException"><paramref name="id"/> is empty.</exception>
    public ScriptedSink On(string id, params SinkAnswer[] answers)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        ArgumentNullException.ThrowIfNull(answers);
        _scripts[id] = [.. answers];
        return this;
    }

    /// <summary>How many attempts there have been at one message id.</summary>
    /// <param name="id">The message id.</param>
    public int AttemptsAt(string id) => _counts.GetValueOrDefault(id);

    /// <summary>Completes when so many attempts have begun, at once if they have already.</summary>
    /// <param name="count">How many, since the sink was made.</param>
    /// <param name="timeout">How long to wait at most, on the system's clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The attempts, at least <paramref name="count"/>.</returns>
    /// <exception cref="TimeoutException">Fewer began in time; the message says how many.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> has fired.</exception>
    public Task<IReadOnlyList<SinkAttempt>> WaitForAttemptsAsync(int count, TimeSpan timeout, CancellationToken cancellationToken = default) =>
        _attempts.WaitForAsync(count, timeout, cancellationToken);

    /// <summary>Completes when so many messages have been delivered, at once if they have already.</summary>
    /// <param name="count">How many, since the sink was made.</param>
    /// <param name="timeout">How long to wait at most, on the system's clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The messages, at least <paramref name="count"/>.</returns>
    /// <exception cref="TimeoutException">Fewer were delivered in time; the message says how many.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> has fired.</exception>
    public Task<IReadOnlyList<SyncMessage>> WaitForDeliveredAsync(int count, TimeSpan timeout, CancellationToken cancellationToken = default) =>
        _delivered.WaitForAsync(count, timeout, cancellationToken);

    /// <inheritdoc/>
    public ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken) => new(AttemptAsync(message, cancellationToken));

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken) =>
        await Task.WhenAll([.. messages.Select(m => ResultAsync(m, cancellationToken))]).ConfigureAwait(false);

    private async Task<SinkResult> ResultAsync(SyncMessage message, CancellationToken cancellationToken)
    {
        try
        {
            await AttemptAsync(message, cancellationToken).ConfigureAwait(false);
            return SinkResult.Delivered;
        }
        catch (Exception error)
        {
            return SinkResult.Failed(error);
        }
    }

    private async Task AttemptAsync(SyncMessage message, CancellationToken cancellationToken)
    {
        var number = _counts.AddOrUpdate(message.Id, 1, (_, count) => count + 1);
        _attempts.Add(new SinkAttempt(message, number, _timeProvider.GetUtcNow()));

        var answer = _scripts.TryGetValue(message.Id, out var answers) && number <= answers.Length
            ? answers[number - 1]
            : _otherwise(message, number);
        await answer.PlayAsync(_timeProvider, cancellationToken).ConfigureAwait(false);
        _delivered.Add(message);
    }
}

/// <summary>One attempt to deliver a message through a <see cref="ScriptedSink"/>.</summary>
/// <param name="Message">The message.</param>
/// <param name="Number">The number of the attempt at this message id, from 1.</param>
/// <param name="StartedAt">When it began, on the sink's clock.</param>
public sealed record SinkAttempt(SyncMessage Message, int Number, DateTimeOffset StartedAt);
