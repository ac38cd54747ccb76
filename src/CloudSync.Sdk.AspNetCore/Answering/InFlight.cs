using Confluent.Kafka;
using Microsoft.AspNetCore.Http;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// The messages of one request: produced in their order, so that those of one key stay in it, with so many at once that Kafka has not acknowledged. Results stand in the order of the messages.
/// </summary>
internal sealed class InFlight : IDisposable
{
    private readonly ICloudSyncProducer _producer;
    private readonly CloudSyncIngestOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationToken _aborted;
    private readonly Queue<Waiting> _waiting = new();
    private readonly List<SyncResult> _results = [];
    private readonly CancellationTokenSource _room;
    private readonly CancellationTokenRegistration _onAbort;

    public InFlight(ICloudSyncProducer producer, CloudSyncIngestOptions options, TimeProvider time, CancellationToken aborted)
    {
        (_producer, _options, _time, _aborted) = (producer, options, time, aborted);
        _room = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _onAbort = aborted.UnsafeRegister(static room => ((CancellationTokenSource)room!).Cancel(), _room);
    }

    /// <summary>What is known, in the order of the messages.</summary>
    public IReadOnlyList<SyncResult> Results => _results;

    /// <summary>Whether Kafka has made no room, or not acknowledged, in time: more messages would only wait as long.</summary>
    public bool IsStuck { get; private set; }

    /// <summary>Messages that Kafka did not take, and what the first of them met with. It is for our log and not for a caller.</summary>
    public (int Count, string? Reason) Refused { get; private set; }

    /// <summary>The most messages that waited for their acknowledgement at the same time.</summary>
    public int MostWaiting { get; private set; }

    /// <summary>Produces a message that has an id. Waits while too many are not acknowledged yet.</summary>
    /// <param name="message">The message.</param>
    /// <param name="place">Where it stands in the body.</param>
    /// <exception cref="OperationCanceledException">The caller has gone away.</exception>
    public async ValueTask ProduceAsync(OutgoingMessage message, ItemPlace place)
    {
        while (_waiting.Count >= _options.MaxUnacknowledged)
            await SettleFirstAsync();

        var acknowledgement = new Acknowledgement(message.Id!, _time.GetTimestamp());
        SyncResult? refused = null;
        var waits = false;
        try
        {
            // A timer only for who has to wait, which is nobody as long as there is room.
            var queued = _producer.EnqueueAsync(message, acknowledgement, _room.Token);
            if (waits = !queued.IsCompletedSuccessfully)
                _room.CancelAfter(_options.ProduceTimeout);
            await queued;
        }
        catch (ProduceFailedException e)
        {
            refused = ResultOf(message.Id!, place, e);
        }
        catch (OperationCanceledException) when (!_aborted.IsCancellationRequested)
        {
            refused = NotInTime(message.Id!, "made room for the message");
        }
        catch (ObjectDisposedException e)
        {
            refused = ResultOf(message.Id!, place, new ProduceFailedException(e.Message));
        }
        catch (ArgumentException e)
        {
            Note(e.Message);
            refused = new SyncResult(StatusCodes.Status400BadRequest, message.Id, Detail: "Kafka takes no message like this one.");
        }

        if (waits && !IsStuck)
            _room.CancelAfter(Timeout.InfiniteTimeSpan);
        Add(new Waiting(refused is null ? acknowledgement : null, place, refused));
    }

    /// <summary>Puts a result in its place among those of the messages.</summary>
    public async ValueTask AddAsync(SyncResult result)
    {
        while (_waiting.Count >= _options.MaxUnacknowledged)
            await SettleFirstAsync();
        Add(new Waiting(null, default, result));
    }

    /// <summary>Waits until the result of every message is known.</summary>
    /// <exception cref="OperationCanceledException">The caller has gone away.</exception>
    public async Task FinishAsync()
    {
        while (_waiting.Count > 0)
            await SettleFirstAsync();
    }

    public void Dispose()
    {
        _onAbort.Dispose();
        _room.Dispose();
    }

    private void Add(Waiting waiting)
    {
        _waiting.Enqueue(waiting);
        MostWaiting = Math.Max(MostWaiting, _waiting.Count);
    }

    private ValueTask SettleFirstAsync()
    {
        var first = _waiting.Peek();
        if (first.Result is null && !first.Acknowledgement!.IsTold)
            return SettleFirstWhenToldAsync(first.Acknowledgement, first.Place);

        Settle(first.Result ?? ResultOf(first.Acknowledgement!, first.Place));
        return ValueTask.CompletedTask;
    }

    private async ValueTask SettleFirstWhenToldAsync(Acknowledgement first, ItemPlace place)
    {
        try
        {
            var left = _options.ProduceTimeout - _time.GetElapsedTime(first.Since);
            await first.WhenToldAsync().WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, _time, _aborted);
        }
        catch (TimeoutException)
        {
            // It may be told by now, if whoever is to go on with that had no thread in time.
            if (!first.IsTold)
            {
                Settle(NotInTime(first.Id, "acknowledged the message"));
                return;
            }
        }

        Settle(ResultOf(first, place));
    }

    private void Settle(SyncResult result)
    {
        _waiting.Dequeue();
        _results.Add(result);
    }

    private SyncResult ResultOf(Acknowledgement told, ItemPlace place) => told.Failure is { } failure
        ? ResultOf(told.Id, place, failure)
        : new SyncResult(StatusCodes.Status202Accepted, told.Produced.Id, told.Produced.Topic, told.Produced.Partition, told.Produced.Offset);

    /// <summary>The exception's own text names topic, settings and addresses, which are for our log and not for a caller.</summary>
    private SyncResult ResultOf(string id, ItemPlace place, ProduceFailedException e)
    {
        Note(e.Message);
        if (!e.IsPermanent)
            return new SyncResult(
                StatusCodes.Status503ServiceUnavailable, id, Detail: "Kafka has not taken the message. Post it again with the same id and key: a duplicate is recognised.");

        if (e.Limit is { } limit)
            return new SyncResult(StatusCodes.Status413PayloadTooLarge, id, Detail: $"The message is, with its key and headers, larger than the limit of {limit} bytes.")
            {
                Errors = [new FieldError(place.All, $"is, with its key and headers, larger than the limit of {limit} bytes", limit)],
            };

        return e.InnerException is null or KafkaException { Error.Code: ErrorCode.MsgSizeTooLarge }
            ? new SyncResult(StatusCodes.Status413PayloadTooLarge, id, Detail: "The message is larger than its topic takes; what that is, the brokers do not say.")
            : new SyncResult(StatusCodes.Status400BadRequest, id, Detail: "Kafka takes no message like this one.");
    }

    private SyncResult NotInTime(string id, string what)
    {
        IsStuck = true;
        Note($"Kafka has not {what} within {_options.ProduceTimeout:c} (ProduceTimeout).");
        return new SyncResult(
            StatusCodes.Status503ServiceUnavailable,
            id,
            Detail: $"Kafka has not {what} in time. It may still take it: post it again with the same id and key: a duplicate is recognised.");
    }

    private void Note(string reason) => Refused = (Refused.Count + 1, Refused.Reason ?? reason);

    /// <summary>A message that is under way, or the result of one that is not.</summary>
    private readonly record struct Waiting(Acknowledgement? Acknowledgement, ItemPlace Place, SyncResult? Result);
}
