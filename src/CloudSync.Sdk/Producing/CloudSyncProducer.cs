using System.Collections.Concurrent;
using System.Diagnostics;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <inheritdoc cref="ICloudSyncProducer"/>
/// <remarks>
/// A message's way: <see cref="ProducerEnvelope"/> writes the record, <see cref="ProducerBuffer"/> lets it in or makes it wait, <see cref="Send"/> hands it to
/// the client, <see cref="Reported"/> hears what became of it and tells the caller.
/// </remarks>
internal sealed class CloudSyncProducer : ICloudSyncProducer, IAsyncDisposable, IDisposable
{
    /// <summary>A client that has failed for good is made anew, but not in a loop: a missing right, for example, ends each one as soon as it connects.</summary>
    private static readonly TimeSpan RebuildInterval = TimeSpan.FromSeconds(5);

    /// <summary>Records that wait to be used again: as many as are under way at 100,000 a second and 150 ms. What finds no place here has lived long enough to be old, and costs a collection of the old.</summary>
    private const int MaxFreeRecords = 16_384;

    private static readonly TimeSpan FailureLogInterval = TimeSpan.FromSeconds(10);

    /// <summary>How long one who waits for reports does nothing before he asks a client again that had nothing to send.</summary>
    private static readonly TimeSpan FlushLook = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// How long an end waits for those who use the client, and then for those who are told that their messages are given up. They are quick, unless one is inside an acknowledgement that itself waits for
    /// something, perhaps for this end.
    /// </summary>
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(5);

    /// <summary>Whose acknowledgement the calling thread is inside.</summary>
    [ThreadStatic]
    private static CloudSyncProducer? _telling;

    private readonly CloudSyncProducerOptions _options;
    private readonly ProducerConfig _config;
    private readonly ProducerEnvelope _envelope;
    private readonly ProducerBuffer _buffer;
    private readonly FlushThread _flushing;
    private readonly Pool<OutgoingRecord> _records = new(MaxFreeRecords);
    private readonly ProducerMetrics _metrics;
    private readonly Action<OutgoingRecord, DeliveryReport<byte[]?, byte[]>> _reported;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly KafkaErrors _errors;

    private readonly Lock _clientLock = new();
    private readonly List<Task> _background = [];
    private volatile ProducerClient? _client;
    private long _clientMadeAt;
    private volatile bool _isStopped;

    /// <summary>What the end has given up.</summary>
    private readonly ConcurrentQueue<OutgoingRecord> _givenUp = new();

    private readonly Lock _failureLock = new();
    private long? _failureLoggedAt;
    private long _failuresNotLogged;

    private readonly Lock _drainLock = new();
    private TimeSpan _drainTimeLeft;
    private long? _endBegan;

    public CloudSyncProducer(
        IOptions<CloudSyncProducerOptions> options, IEnumerable<ProducerKafkaChange> changes, ILogger<CloudSyncProducer> log, TimeProvider? time = null)
    {
        _options = options.Value;
        _log = log;
        _time = time ?? TimeProvider.System;
        _config = ProducerConfiguration.Build(_options, changes.Select(change => change.Apply), out var setBack);
        if (setBack.Count > 0)
            _log.SetBack(string.Join(", ", setBack));
        _envelope = new ProducerEnvelope(_options, _time);
        _buffer = new ProducerBuffer(_options.BufferBytes, Send);
        _flushing = new FlushThread(() => _buffer.IsFlushAwaited && _client is not null, () => _client?.Hurry() == true, () => Thread.Sleep(FlushLook));
        _metrics = new ProducerMetrics(_options.Topic, _time);
        _reported = Reported;
        _drainTimeLeft = _options.FlushTimeout;
        _errors = new KafkaErrors(_time, (error, advice, since) => _log.ProducerError(_options.Topic, error.Reason, error.Code.ToString(), advice, since));
    }

    /// <summary>What is wrong with the connection; <see langword="null"/> when nothing is known to be.</summary>
    public KafkaTrouble? Trouble => _errors.Trouble;

    /// <summary>What the brokers say of the topic, to this producer's own user. Blocks.</summary>
    /// <exception cref="KafkaException">They have not answered in time.</exception>
    /// <exception cref="ObjectDisposedException">The producer has stopped.</exception>
    public Metadata Metadata(TimeSpan patience) => Client().Metadata(patience);

    public ValueTask<ProducedMessage> ProduceAsync(OutgoingMessage message, CancellationToken cancellationToken = default)
    {
        try
        {
            var awaited = AwaitedAcknowledgement.Take();
            var queued = EnqueueAsync(message, awaited, cancellationToken);
            return queued.IsCompletedSuccessfully ? awaited.WaitAsync(cancellationToken) : AfterAWaitForRoom(queued, awaited, cancellationToken);
        }
        catch (Exception e)
        {
            return ValueTask.FromException<ProducedMessage>(e);
        }

        static async ValueTask<ProducedMessage> AfterAWaitForRoom(ValueTask queued, AwaitedAcknowledgement awaited, CancellationToken cancellationToken)
        {
            await queued;
            return await awaited.WaitAsync(cancellationToken);
        }
    }

    public ValueTask EnqueueAsync(
        OutgoingMessage message, IProduceAcknowledgement? acknowledgement = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isStopped, typeof(ICloudSyncProducer));
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);

        var record = Record(message, acknowledgement);
        if (record.WireSize > _options.MaxMessageBytes)
        {
            var failure = ProduceFailure.TooLarge(record.Id, record.WireSize, _options);
            CountSettled(record, default, failure, nameof(ErrorCode.MsgSizeTooLarge));
            return ValueTask.FromException(failure);
        }

        if (!_buffer.TryEnter(record) && !TryEnterAfterAPoll(record))
            return new ValueTask(EnqueueWhenThereIsRoom(record, cancellationToken));

        try
        {
            Send(record);
            return ValueTask.CompletedTask;
        }
        catch (Exception e)
        {
            _buffer.Leave(record);
            return ValueTask.FromException(e);
        }
    }

    public Task FlushAsync(CancellationToken cancellationToken = default)
    {
        var settled = _buffer.WhenSettled();
        if (!settled.IsCompleted && _flushing.TryStart())
            InBackground(_flushing.Run);
        return settled.WaitAsync(cancellationToken);
    }

    /// <summary>Makes the client, so that a setting which it does not take stops the host's start, and not the first message.</summary>
    public void Start()
    {
        Client();
        _log.ProducerStarted(_options.Topic, _options.BootstrapServers);
        foreach (var key in ProducerConfiguration.CertificateChecks)
            if (_config.Get(key) is "false" or "none")
                _log.CertificatesUnchecked(key);
    }

    /// <summary>
    /// Waits for what is not yet acknowledged. Messages are still taken: a service that stops later than this one may produce its last, and
    /// <see cref="DisposeAsync"/> waits for those, in what is left of <see cref="CloudSyncProducerOptions.FlushTimeout"/>.
    /// </summary>
    public async Task Drain(CancellationToken cancellationToken)
    {
        TimeSpan left;
        lock (_drainLock)
            left = DrainTimeLeftUnlocked();

        var since = _time.GetTimestamp();
        try
        {
            await FlushAsync(cancellationToken).WaitAsync(left, _time, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // What is left is counted, logged and told to its callers when the producer closes.
        }

        lock (_drainLock)
            _drainTimeLeft = TimeSpan.FromTicks(Math.Max(0, left.Ticks - _time.GetElapsedTime(since).Ticks));
    }

    /// <summary>After <paramref name="later"/> <see cref="CloudSyncProducerOptions.FlushTimeout"/> runs, whoever is waited for first.</summary>
    public void EndBegins(TimeSpan later)
    {
        lock (_drainLock)
            _endBegan ??= _time.GetTimestamp() + (long)(later.TotalSeconds * _time.TimestampFrequency);
    }

    private TimeSpan DrainTimeLeftUnlocked()
    {
        if (_endBegan is not { } began)
            return _drainTimeLeft;

        var left = _options.FlushTimeout - _time.GetElapsedTime(began);
        return left < TimeSpan.Zero ? TimeSpan.Zero : left < _drainTimeLeft ? left : _drainTimeLeft;
    }

    /// <summary>On the pool: a host that is disposed blocks its thread until this is done, and the awaits must not wait for that thread's context.</summary>
    public ValueTask DisposeAsync()
    {
        _isStopped = true;
        return new ValueTask(Task.Run(async () =>
        {
            await Drain(CancellationToken.None);
            await CloseAsync();
        }));
    }

    /// <summary>As <see cref="DisposeAsync"/>. Inside an acknowledgement it returns at once when the end has begun already: that may be who tells it.</summary>
    /// <exception cref="InvalidOperationException">It is called inside an acknowledgement, whose return it would wait for.</exception>
    public void Dispose()
    {
        if (_telling == this && _isStopped)
            return;

        if (_telling == this)
            throw new InvalidOperationException(
                $"The producer of topic {_options.Topic} was disposed inside an acknowledgement, whose return that waits for. Return first and dispose it elsewhere, or await its DisposeAsync. "
                + "(A TaskCompletionSource that an acknowledgement completes goes on inside it, unless it was made with RunContinuationsAsynchronously.)");

        DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private OutgoingRecord Record(in OutgoingMessage message, IProduceAcknowledgement? acknowledgement)
    {
        var activity = _metrics.StartSend(message);
        try
        {
            var record = _records.TryTake() ?? new OutgoingRecord();
            _envelope.Write(message, activity ?? Activity.Current, record);
            record.Acknowledgement = acknowledgement;
            record.Activity = activity;
            record.ProducedAt = _time.GetTimestamp();
            record.Reported = _reported;
            return record;
        }
        catch (Exception e)
        {
            ProducerMetrics.EndSend(activity, e.Message, nameof(ArgumentException));
            throw;
        }
    }

    private bool TryEnterAfterAPoll(OutgoingRecord record)
    {
        _client?.PollNow();
        return _buffer.TryEnter(record);
    }

    private async Task EnqueueWhenThereIsRoom(OutgoingRecord record, CancellationToken cancellationToken)
    {
        _metrics.Waited();
        _client?.HastenReports();
        try
        {
            await _buffer.EnterAsync(record, cancellationToken);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            ProducerMetrics.EndSend(record.Activity, e.Message, e is ObjectDisposedException ? nameof(ObjectDisposedException) : nameof(OperationCanceledException));
            throw;
        }
    }

    /// <summary>Hands a record that is in the buffer to the client.</summary>
    /// <exception cref="ProduceFailedException">The client has not taken it. The record must leave the buffer.</exception>
    private void Send(OutgoingRecord record)
    {
        Error error;
        try
        {
            try
            {
                Client().Produce(record);
                return;
            }
            catch (KafkaException e) when (e.Error.IsFatal)
            {
                // Found out by this very record: the next client may take it.
                Client().Produce(record);
                return;
            }
        }
        catch (KafkaException e)
        {
            error = e.Error;
        }
        catch (ObjectDisposedException)
        {
            Refuse(record, ProduceFailure.Stopped(record.Id, _options), nameof(ObjectDisposedException));
            return;
        }

        Refuse(record, ProduceFailure.Of(record.Id, error, _options), error.Code.ToString());
    }

    /// <summary>The client has not taken it. An end that has run out of patience may have told its acknowledgement meanwhile: then it is not said again.</summary>
    private void Refuse(OutgoingRecord record, ProduceFailedException failure, string errorType)
    {
        if (!record.TrySettle())
            return;

        CountSettled(record, default, failure, errorType);
        throw failure;
    }

    /// <summary>What became of a record: on any thread that polls.</summary>
    private void Reported(OutgoingRecord record, DeliveryReport<byte[]?, byte[]> report)
    {
        if (report.Error.IsError)
            _errors.Note(report.Error);
        else
            _errors.Answered();

        var isSettled = !report.Error.IsError
            ? Settle(record, new ProducedMessage(record.Acknowledgement is null ? "" : record.Id, _options.Topic, report.Partition.Value, report.Offset.Value), null, null)
            : Settle(record, default, ProduceFailure.Of(record.Id, report.Error, _options, trouble: _errors.Trouble), report.Error.Code.ToString());

        // The client says of each record once what became of it, and holds it no longer. One that has waited is still held by its wait, and one that was given up by those who gave it up.
        // Once the end has begun, it may be about to give up this one: it must not find another message in its place.
        if (!isSettled || record.Taken is not null || _isStopped)
            return;

        record.Reset();
        _records.Give(record);
    }

    private bool Settle(OutgoingRecord record, in ProducedMessage produced, ProduceFailedException? failure, string? errorType)
    {
        if (!record.TrySettle())
            return false;

        Tell(record, produced, failure, errorType);
        return true;
    }

    private void Tell(OutgoingRecord record, in ProducedMessage produced, ProduceFailedException? failure, string? errorType)
    {
        CountSettled(record, produced, failure, errorType);
        var before = _telling;
        _telling = this;
        try
        {
            if (failure is null)
                record.Acknowledgement?.Acknowledged(produced);
            else if (record.Acknowledgement is { } acknowledgement)
                acknowledgement.Failed(failure);
            else
                LogFailure(failure);
        }
        catch (Exception e)
        {
            _log.AcknowledgementThrew(e, record.Acknowledgement?.GetType(), record.Id);
        }
        finally
        {
            _telling = before;
            _buffer.Leave(record);
        }
    }

    /// <summary>A listener of the metrics or of the traces that throws must not keep an acknowledgement from its caller, nor the message's room from the next one.</summary>
    private void CountSettled(OutgoingRecord record, in ProducedMessage produced, ProduceFailedException? failure, string? errorType)
    {
        try
        {
            _metrics.Settled(record, produced, failure, errorType);
        }
        catch (Exception e)
        {
            _log.SendNotCounted(e);
        }
    }

    /// <summary>An outage fails every message that is under way; its log must not be as long as the queue was.</summary>
    private void LogFailure(ProduceFailedException failure)
    {
        long others;
        lock (_failureLock)
        {
            if (_failureLoggedAt is { } at && _time.GetElapsedTime(at) < FailureLogInterval)
            {
                _failuresNotLogged++;
                return;
            }

            _failureLoggedAt = _time.GetTimestamp();
            (others, _failuresNotLogged) = (_failuresNotLogged, 0);
        }

        _log.NotTaken(failure.Message, others, FailureLogInterval);
    }

    /// <summary>
    /// The client, made at its first use. One that has failed for good (the brokers have forgotten its sequence numbers, or refuse its producer id) is replaced:
    /// its messages fail, each with its report, and new ones need not.
    /// </summary>
    /// <exception cref="KafkaException">The client has failed for good, and it is too early for another.</exception>
    /// <exception cref="ObjectDisposedException">There is no client any more.</exception>
    private ProducerClient Client()
    {
        if (_client is { Fatal: null } client)
            return client;

        lock (_clientLock)
        {
            if (_client is { } current)
            {
                if (current.Fatal is not { } fatal)
                    return current;
                if (_time.GetElapsedTime(_clientMadeAt) < RebuildInterval)
                    throw new KafkaException(fatal);

                ObjectDisposedException.ThrowIf(_isStopped, this);
                _clientMadeAt = _time.GetTimestamp();
                _log.ClientLost(_options.Topic, fatal.Reason, fatal.Code.ToString());
                _client = new ProducerClient(_config, _options.Topic, _errors, _log);
                // Only now: a client is closed by one, who is either this or the end.
                InBackground(() => Retire(current));
                return _client;
            }

            ObjectDisposedException.ThrowIf(_isStopped, this);
            _clientMadeAt = _time.GetTimestamp();
            return _client = new ProducerClient(_config, _options.Topic, _errors, _log);
        }
    }

    /// <summary>Lets a client that has failed report what it still had, and ends it.</summary>
    private void Retire(ProducerClient client)
    {
        try
        {
            var since = _time.GetTimestamp();
            new FlushThread(
                () => !_isStopped && _time.GetElapsedTime(since) < _options.DeliveryTimeout && _buffer.Records(client).Count > 0, client.Hurry, () => Thread.Sleep(FlushLook)).Run();
        }
        finally
        {
            End(client);
        }
    }

    /// <summary>Closes a client, and tells the callers of what it never reported.</summary>
    private void End(ProducerClient client)
    {
        try
        {
            client.Close();
        }
        finally
        {
            GiveUp(client);
        }
    }

    private Task InBackground(Action blocking)
    {
        var task = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    blocking();
                }
                catch (Exception e)
                {
                    _log.BackgroundFailed(e, _options.Topic);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        lock (_background)
        {
            _background.RemoveAll(ended => ended.IsCompleted);
            _background.Add(task);
        }

        return task;
    }

    private async Task CloseAsync()
    {
        ProducerClient? client;
        lock (_clientLock)
            (client, _client) = (_client, null);
        if (client is null)
            return;

        // FlushTimeout is over: who still waits for room gets none. It may be held by an acknowledgement that does not return.
        foreach (var record in _buffer.Close())
        {
            var stopped = ProduceFailure.Stopped(record.Id, _options);
            CountSettled(record, default, stopped, nameof(ObjectDisposedException));
            _givenUp.Enqueue(record);
            record.Taken!.TrySetException(stopped);
        }

        // On threads of their own: what is told there may be somebody who waits for this end.
        _ = InBackground(() => End(client));
        Task all;
        lock (_background)
            all = Task.WhenAll(_background);
        await all.WaitAsync(ClosePatience, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        var isLate = !all.IsCompleted;
        if (isLate)
        {
            // A client ends when the acknowledgement that holds it returns. The other callers must not wait for that, nor the end of the process: it may wait for the end of the process.
            await InBackground(() => GiveUp(null)).WaitAsync(ClosePatience, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var left = _buffer.Records();
            var holding = left.FindAll(record => record.IsSettled);
            _log.EndTakesTooLong(_options.Topic, ClosePatience, holding.Count, SomeIds(holding), left.Count - holding.Count);
        }

        if (!_givenUp.IsEmpty)
            _log.StoppedUnacknowledged(_options.Topic, _givenUp.Count, _options.FlushTimeout, SomeIds(_givenUp));
        else if (!isLate)
            _log.ProducerStopped(_options.Topic);

        static string SomeIds(IEnumerable<OutgoingRecord> records) => string.Join(", ", records.Take(5).Select(record => record.Id));
    }

    /// <summary>Tells the callers of what a client never reported; <see langword="null"/>: any client, though it may still report.</summary>
    private void GiveUp(ProducerClient? client)
    {
        foreach (var record in _buffer.Records(client))
        {
            if (!record.TrySettle())
                continue;

            if (_isStopped)
                _givenUp.Enqueue(record);
            try
            {
                Tell(record, default, ProduceFailure.Stopped(record.Id, _options), nameof(ObjectDisposedException));
            }
            catch (Exception)
            {
                // A logger that throws. The next caller must hear all the same.
            }
        }
    }
}
