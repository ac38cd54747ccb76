namespace CloudSync.Sdk;

/// <summary>Puts messages into Kafka, from where each cloud's consumer takes them. One instance serves the whole process; all members may be called at the same time.</summary>
public interface ICloudSyncProducer
{
    /// <summary>Produces a message and waits until the brokers have acknowledged it (acks=all).</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">
    /// Ends the wait. A message that is already queued is sent all the same: produce it again with the same id, and the duplicate is recognised.
    /// </param>
    /// <returns>Where the message stands, and its id. Await it once, as any <see cref="ValueTask{TResult}"/>.</returns>
    /// <exception cref="ArgumentException">The message can't be written: an id without a length or with too much of it, a header that is ours to write.</exception>
    /// <exception cref="ProduceFailedException">
    /// The brokers did not acknowledge the message in time, or refused it, or the producer was stopped before they did.
    /// </exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The producer is stopped.</exception>
    ValueTask<ProducedMessage> ProduceAsync(OutgoingMessage message, CancellationToken cancellationToken = default);

    /// <summary>
    /// Queues a message for volume: no task for each message. Completes at once while there is room (<see cref="CloudSyncProducerOptions.BufferBytes"/>), and
    /// waits (without a thread) while there is none; no message is thrown away. Who comes first goes first, so messages that one caller produces one after
    /// the other keep their order even if it awaits none of them.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <param name="acknowledgement">
    /// Told once when the brokers have acknowledged or refused the message, on a thread of the client's or on one that is just producing another message: it must be quick, must not throw, and must
    /// not wait for anything that a producing thread may hold, nor for a flush or the end of the producer: see <see cref="IProduceAcknowledgement"/>.
    /// <see langword="null"/> when nobody asks: failures are then only counted and logged. It is not told when this call throws.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for room; the message is then not queued.</param>
    /// <exception cref="ArgumentException">The message can't be written: an id without a length or with too much of it, a header that is ours to write.</exception>
    /// <exception cref="OperationCanceledException">The wait for room was cancelled; the message was not queued.</exception>
    /// <exception cref="ProduceFailedException">The message can't be queued at all: it is larger than the largest message allowed.</exception>
    /// <exception cref="ObjectDisposedException">The producer is stopped.</exception>
    ValueTask EnqueueAsync(
        OutgoingMessage message, IProduceAcknowledgement? acknowledgement = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Waits until every message that was given before this call has been acknowledged or refused, those that still wait for room included. What lingers is sent
    /// at once. Messages that others give meanwhile are not waited for.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task FlushAsync(CancellationToken cancellationToken = default);
}

/// <summary>
/// Told what became of a message that was given to <see cref="ICloudSyncProducer.EnqueueAsync"/>. One that serves several messages may be told of them at the same time and in any order.
/// </summary>
/// <remarks>
/// A flush, a stop of the host and the end of the producer (that of its host, or of its services) wait until acknowledgements have returned. So none of them may be waited for inside of one. To await them is
/// right; the producer's <c>Dispose</c> throws <see cref="InvalidOperationException"/> there, or returns at once when the end has begun already. An end that is waited for all the same goes on 5 s past
/// <see cref="CloudSyncProducerOptions.FlushTimeout"/>, or 10 s when one that was told of the end's own giving up holds it too, with event 2012 in the log. What awaits a <see cref="TaskCompletionSource"/> that an acknowledgement completes goes on inside it, unless
/// that was made with <see cref="TaskCreationOptions.RunContinuationsAsynchronously"/>.
/// </remarks>
public interface IProduceAcknowledgement
{
    /// <summary>The brokers have acknowledged the message.</summary>
    /// <param name="produced">Where it stands.</param>
    void Acknowledged(in ProducedMessage produced);

    /// <summary>The brokers have not acknowledged the message.</summary>
    /// <param name="failure">Why.</param>
    void Failed(ProduceFailedException failure);
}

/// <summary>A message that Kafka has.</summary>
/// <param name="Id">Its id: the one given, or the one made for it.</param>
/// <param name="Topic">Its topic.</param>
/// <param name="Partition">Its partition.</param>
/// <param name="Offset">Its offset.</param>
public readonly record struct ProducedMessage(string Id, string Topic, int Partition, long Offset);
