namespace CloudSync.Sdk;

/// <summary>
/// The records that are not yet acknowledged, and those that wait for room among them: a bound in bytes, first come, first served. A record that
/// is larger than the bound goes alone.
/// </summary>
/// <remarks>
/// <para>
/// The client has a bound of its own, which is of no use here: it says that it is full by throwing, can't be waited for, counts neither keys nor
/// headers, and makes room only after its report has been handled, so that the last report could come before the room that it speaks of.
/// </para>
/// <para>
/// Order: while one record waits, or is being handed over after its wait, all that come later wait behind it. So two messages that one caller produces
/// one after the other, without awaiting the first, keep their order even when the buffer is full.
/// </para>
/// <para>
/// Once full, it opens when a 32nd of it is free: a caller who is let in for each record that leaves is woken for each, which costs more than the record.
/// </para>
/// </remarks>
/// <param name="capacity">Bytes.</param>
/// <param name="send">Hands a record that has waited to the client. It must not wait.</param>
internal sealed class ProducerBuffer(long capacity, Action<OutgoingRecord> send) : IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private readonly OutgoingRecordList _underWay = new();
    private readonly OutgoingRecordList _waiting = new();
    private readonly List<(long Sequence, TaskCompletionSource Settled)> _flushes = [];
    private long _used;
    private long _sequence;
    private bool _isDraining;
    private bool _isClosed;

    /// <summary>Takes a record if there is room and nobody waits.</summary>
    public bool TryEnter(OutgoingRecord record)
    {
        lock (_lock)
        {
            if (_isDraining || _waiting.First is not null || !HasRoomFor_NeedsLock(record))
                return false;

            record.Sequence = ++_sequence;
            Take_NeedsLock(record);
            return true;
        }
    }

    /// <summary>Waits until there is room and the record has been sent.</summary>
    /// <exception cref="OperationCanceledException">The record was not sent and is forgotten.</exception>
    /// <exception cref="ObjectDisposedException">Nobody waits here any more: see <see cref="Close"/>.</exception>
    public async Task EnterAsync(OutgoingRecord record, CancellationToken cancellationToken)
    {
        record.Keep();
        record.Taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(ICloudSyncProducer));
            record.Sequence = ++_sequence;
            _waiting.Add(record);
            DrainIfRoom_NeedsLock();
        }

        await using var registration = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                var (buffer, waiter) = ((ProducerBuffer, OutgoingRecord))state!;
                if (buffer.TryWithdraw(waiter))
                    waiter.Taken!.TrySetCanceled(token);
            },
            (this, record));
        await record.Taken.Task;
    }

    /// <summary>A record is acknowledged or refused, or was never sent.</summary>
    public void Leave(OutgoingRecord record)
    {
        lock (_lock)
        {
            if (record.List != _underWay)
                return;

            _underWay.Remove(record);
            _used -= record.Size;
            DrainIfRoom_NeedsLock();
            EndFlushes_NeedsLock();
        }
    }

    /// <summary>Takes back a record that still waits; it is then not sent.</summary>
    public bool TryWithdraw(OutgoingRecord record)
    {
        lock (_lock)
        {
            if (record.List != _waiting)
                return false;

            _waiting.Remove(record);
            DrainIfRoom_NeedsLock(); // A smaller one behind it may fit.
            EndFlushes_NeedsLock();
            return true;
        }
    }

    /// <summary>Takes back all that wait, and lets nobody wait any more: there may be room never again.</summary>
    /// <returns>What was taken back. It is not sent, and who waits for it must be told.</returns>
    public List<OutgoingRecord> Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            var withdrawn = new List<OutgoingRecord>();
            while (_waiting.First is { } record)
            {
                _waiting.Remove(record);
                withdrawn.Add(record);
            }

            EndFlushes_NeedsLock();
            return withdrawn;
        }
    }

    /// <summary>Waits until all records that came before this call are settled, those that still wait for room included.</summary>
    public Task WhenSettled()
    {
        lock (_lock)
        {
            if (_underWay.First is null && _waiting.First is null)
                return Task.CompletedTask;

            var settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _flushes.Add((_sequence, settled));
            return settled.Task;
        }
    }

    public bool IsFlushAwaited
    {
        get
        {
            lock (_lock)
                return _flushes.Count > 0;
        }
    }

    /// <summary>The records under way that a client has: this one, or any.</summary>
    public List<OutgoingRecord> Records(ProducerClient? client = null)
    {
        lock (_lock)
        {
            var records = new List<OutgoingRecord>();
            for (var record = _underWay.First; record is not null; record = record.Next)
                if (record.Client is { } its && (client is null || its == client))
                    records.Add(record);
            return records;
        }
    }

    /// <summary>Sends what has waited and fits now, in order. One at a time: only then is the order of handing over the order of coming.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        while (true)
        {
            OutgoingRecord record;
            lock (_lock)
            {
                if (_waiting.First is not { } first || !HasRoomFor_NeedsLock(first))
                {
                    _isDraining = false;
                    return;
                }

                record = first;
                _waiting.Remove(record);
                Take_NeedsLock(record);
            }

            try
            {
                send(record);
                record.Taken!.TrySetResult();
            }
            catch (Exception e)
            {
                Leave(record);
                record.Taken!.TrySetException(e);
            }
        }
    }

    private bool HasRoomFor_NeedsLock(OutgoingRecord record) => _used + record.Size <= capacity || _used == 0;

    private void Take_NeedsLock(OutgoingRecord record)
    {
        _used += record.Size;
        _underWay.Add(record);
    }

    private void DrainIfRoom_NeedsLock()
    {
        if (_isDraining || _used > capacity - capacity / 32 || _waiting.First is not { } first || !HasRoomFor_NeedsLock(first))
            return;

        _isDraining = true;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void EndFlushes_NeedsLock()
    {
        if (_flushes.Count == 0)
            return;

        // Both lists are in the order of coming, and what waits came after what is under way.
        var oldest = (_underWay.First ?? _waiting.First)?.Sequence ?? long.MaxValue;
        _flushes.RemoveAll(flush =>
        {
            var isOver = flush.Sequence < oldest;
            if (isOver)
                flush.Settled.TrySetResult();
            return isOver;
        });
    }
}
