using System.Text;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Keeps what it is given, and answers as it is told: by default with an acknowledgement at once.</summary>
internal sealed class FakeProducer : ICloudSyncProducer
{
    private readonly List<(OutgoingMessage Message, string Value)> _queued = [];

    /// <summary>What becomes of a message; <see langword="null"/> for never.</summary>
    public Func<OutgoingMessage, long, object?> Answer { get; set; } =
        (message, offset) => new ProducedMessage(message.Id ?? "made", "data-topic", 3, offset);

    /// <summary>Runs what tells of an acknowledgement; by default at once.</summary>
    public Action<Action> Later { get; set; } = act => act();

    /// <summary>Never any room.</summary>
    public bool IsFull { get; set; }

    public IReadOnlyList<(OutgoingMessage Message, string Value)> Queued => _queued;

    public async ValueTask EnqueueAsync(
        OutgoingMessage message, IProduceAcknowledgement? acknowledgement = null, CancellationToken cancellationToken = default)
    {
        if (IsFull)
            await Task.Delay(Timeout.Infinite, cancellationToken);

        _queued.Add((message, Encoding.UTF8.GetString(message.Value.Span)));
        switch (Answer(message, _queued.Count - 1))
        {
            case ProducedMessage produced:
                Later(() => acknowledgement!.Acknowledged(produced));
                break;
            case ProduceFailedException failure:
                acknowledgement!.Failed(failure);
                break;
        }
    }

    public ValueTask<ProducedMessage> ProduceAsync(OutgoingMessage message, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task FlushAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
}
