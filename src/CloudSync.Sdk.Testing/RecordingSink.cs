using System.Text;

namespace CloudSync.Sdk.Testing;

/// <summary>A sink that accepts everything and keeps it, in the order of arrival. Serves single messages and batches; may be used from any thread.</summary>
/// <example>
/// <code>
/// var sink = new RecordingSink();
/// services.AddCloudSyncConsumer("aws", configuration).UseSink(_ => sink);
/// // start the host, produce
/// var messages = await sink.WaitForAsync(3, TimeSpan.FromSeconds(30));
/// </code>
/// </example>
public sealed class RecordingSink : ICloudSink, IBatchCloudSink
{
    private readonly ArrivalLog<SyncMessage> _messages = new("messages");
    private readonly ArrivalLog<IReadOnlyList<SyncMessage>> _calls = new("calls");

    /// <summary>What has arrived so far, in that order: a copy that does not change any more.</summary>
    public IReadOnlyList<SyncMessage> Messages => _messages.Snapshot();

    /// <summary>How many messages have arrived so far.</summary>
    public int Count => _messages.Count;

    /// <summary>The calls so far, each with its messages: one for <see cref="ICloudSink"/>, one or more for <see cref="IBatchCloudSink"/>.</summary>
    public IReadOnlyList<IReadOnlyList<SyncMessage>> Calls => _calls.Snapshot();

    /// <summary>What has arrived so far with one key, in that order.</summary>
    /// <param name="key">The key, as UTF-8; <see langword="null"/> for the messages without one.</param>
    public IReadOnlyList<SyncMessage> MessagesWithKey(string? key)
    {
        var bytes = key is null ? null : Encoding.UTF8.GetBytes(key);
        return [.. Messages.Where(m => m.Key is { } k ? bytes is not null && k.Span.SequenceEqual(bytes) : bytes is null)];
    }

    /// <summary>Completes when so many messages have arrived, at once if they are there already.</summary>
    /// <param name="count">How many, since the sink was made.</param>
    /// <param name="timeout">How long to wait at most. A bound for what should never happen: the wait ends when the last message arrives.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What has arrived, at least <paramref name="count"/> messages.</returns>
    /// <exception cref="TimeoutException">Fewer arrived in time; the message says how many.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> has fired.</exception>
    public Task<IReadOnlyList<SyncMessage>> WaitForAsync(int count, TimeSpan timeout, CancellationToken cancellationToken = default) =>
        _messages.WaitForAsync(count, timeout, cancellationToken);

    /// <inheritdoc/>
    public ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
    {
        Record([message]);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        Record([.. messages]);
        return ValueTask.FromResult(SinkResult.AllDelivered(messages.Count));
    }

    /// <summary>The call first, so that whoever waits for its messages finds it too.</summary>
    private void Record(SyncMessage[] messages)
    {
        _calls.Add(messages);
        foreach (var message in messages)
            _messages.Add(message);
    }
}
