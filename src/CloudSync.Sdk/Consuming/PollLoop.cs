using System.Runtime.InteropServices;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// The one thread that owns the Kafka consumer: it steers (pause or resume), reads a batch, hands it on, commits, and never waits for a delivery. Whatever
/// stops deliveries (a full window, an open breaker, a store that does not answer) becomes a pause, and polling goes on.
/// </summary>
internal sealed class PollLoop : IRebalanceListener, IDisposable
{
    /// <summary>Records in one batch. At most this many messages are read past a full window.</summary>
    private const int BatchSize = 500;

    /// <summary>How long a read waits for the first record, and so how soon the loop notices that it may resume or should stop.</summary>
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long a full window may take to open before its partitions are paused. A pause throws away what was fetched ahead, so a sink that is merely slower
    /// than Kafka should never cause one. Far below every time-out of the group.
    /// </summary>
    private static readonly TimeSpan WindowPatience = TimeSpan.FromMilliseconds(250);

    /// <summary>A gap between two polls that no busy machine explains: the process was stopped, or its machine stood still. Or a revocation drained, which does no harm here.</summary>
    private static readonly TimeSpan StallGap = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan MaxRebuildDelay = TimeSpan.FromSeconds(30);

    private readonly CloudSyncConsumerOptions _options;
    private readonly KafkaConsumerFactory _factory;
    private readonly KafkaErrors _errors;
    private readonly DeliveryPipeline _pipeline;
    private readonly ConsumerMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Assignment _assignment;
    private readonly RecordBatch _batch;
    private readonly HashSet<int> _paused = [];

    /// <summary>
    /// Assigned since the last <see cref="Steer"/>. The client keeps the pause of a partition that goes and comes back: what it should be must be said again, or
    /// a partition that was paused when it went would never be read after it came back.
    /// </summary>
    private readonly HashSet<int> _unsteered = [];
    private readonly List<Delivery> _handover = new(BatchSize);
    private readonly Dictionary<int, long> _backTo = [];
    private readonly Thread _thread;
    private IConsumer<int, int>? _first;
    private OffsetCommitter? _committer;
    private volatile LagMeter? _lag;
    private PauseReasons _reasons;
    private long _lastPoll;
    private long _lostAt;
    private volatile string? _clientFailure;
    private long _stopAsked;
    private int _partitionsOwned;
    private bool _hasSaidSkip;

    public PollLoop(
        string name,
        CloudSyncConsumerOptions options,
        KafkaConsumerFactory factory,
        KafkaErrors errors,
        DeliveryPipeline pipeline,
        ConsumerMetrics metrics,
        TimeProvider time,
        ILogger log)
    {
        _options = options;
        _assignment = new Assignment(options.Topic);
        _batch = new RecordBatch(BatchSize, options.GroupId);
        _factory = factory;
        _errors = errors;
        _pipeline = pipeline;
        _metrics = metrics;
        _time = time;
        _log = log;
        _lastPoll = time.GetTimestamp();
        _thread = new Thread(Run) { IsBackground = true, Name = $"cloudsync-{name}-poll" };
    }

    /// <summary>Completes when the loop has ended: drained, committed, and out of the group.</summary>
    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How long ago the client was polled last.</summary>
    public TimeSpan SinceLastPoll => _time.GetElapsedTime(Volatile.Read(ref _lastPoll));

    /// <summary>Messages in the owned partitions that are not settled yet; as of the last second.</summary>
    public long Lag => _lag?.Lag ?? 0;

    /// <summary>Partitions owned now.</summary>
    public int PartitionsOwned => Volatile.Read(ref _partitionsOwned);

    /// <summary>Why consumption is paused.</summary>
    public PauseReasons Reasons => _reasons;

    /// <summary>Whether the group has put us out, and we are not back.</summary>
    public bool IsOutOfGroup => Volatile.Read(ref _lostAt) != 0;

    /// <summary>What the client failed with, while it is being built anew.</summary>
    public string? ClientFailure => _clientFailure;

    /// <summary>Starts the thread. The first client is built before, so that settings which it refuses stop the host's start.</summary>
    /// <exception cref="InvalidOperationException">The client refuses its settings.</exception>
    public void Start()
    {
        _first = _factory.Build(_batch, this);
        _thread.Start();
    }

    /// <summary>Begins the end: nothing more is read or dispatched, what is in flight is drained.</summary>
    public void BeginStop()
    {
        _pipeline.StopDispatch();
        Interlocked.CompareExchange(ref _stopAsked, _time.GetTimestamp(), 0);
        _stop.Cancel();
    }

    public void Dispose()
    {
        _first?.Dispose();
        _stop.Dispose();
    }

    /// <summary>What is left of the drain time; all of it while nobody stops the consumer.</summary>
    private TimeSpan DrainTimeLeft
    {
        get
        {
            var asked = Volatile.Read(ref _stopAsked);
            var left = asked == 0 ? _options.DrainTimeout : _options.DrainTimeout - _time.GetElapsedTime(asked);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    private void Run()
    {
        try
        {
            for (var failures = 0; !_stop.IsCancellationRequested;)
            {
                var began = _time.GetTimestamp();
                try
                {
                    RunClient(() => _clientFailure = null);
                }
                catch (Exception e)
                {
                    // A client that has failed for good (fenced, a broken configuration of the broker) is replaced; the process lives on. One that is refused polls well until it is.
                    if (_time.GetElapsedTime(began) > MaxRebuildDelay)
                        failures = 0;

                    if (e is KafkaException { Error: var error })
                        _errors.Note(error);

                    var delay = TimeSpan.FromSeconds(Math.Min(MaxRebuildDelay.TotalSeconds, Math.Pow(2, Math.Min(failures++, 10))));
                    _clientFailure = ReasonOf(e);
                    _log.ClientFailed(e is KafkaException ? null : e, _options.Topic, delay, _clientFailure);
                    _stop.Token.WaitHandle.WaitOne(delay);
                }
            }
        }
        finally
        {
            Ended.TrySetResult();
        }
    }

    /// <summary>What Kafka says needs no stack trace; what to do about it does.</summary>
    private static string ReasonOf(Exception e) =>
        e is KafkaException { Error: { } error } && KafkaTrouble.Of(error) is not null ? KafkaTrouble.TextOf(error) : e.Message;

    private void RunClient(Action polled)
    {
        using var consumer = Interlocked.Exchange(ref _first, null) ?? _factory.Build(_batch, this);
        using var lag = new LagMeter(consumer, _options.Topic, _options.GroupId, _time);
        using var probe = new BrokerProbe(consumer, _errors, _time);
        using var reader = _factory.BuildReader(consumer);
        _committer = new OffsetCommitter(consumer, _options.Topic, _options.CommitInterval, _time, _log);
        _lag = lag;
        _paused.Clear();
        _backTo.Clear();
        _reasons = PauseReasons.None;
        try
        {
            // What it took to make a client anew is no stall.
            Volatile.Write(ref _lastPoll, _time.GetTimestamp());
            consumer.Subscribe(_options.Topic);
            while (!_stop.IsCancellationRequested)
            {
                Steer(consumer);
                Read(reader);
                HandOver();
                GoBack(consumer);
                _committer.CommitIfDue(_assignment.Partitions);
                lag.MeasureIfDue(_assignment.Partitions, _paused);
                probe.AskIfDue();
                polled();
            }

            try
            {
                Drain(consumer, reader);
            }
            finally
            {
                // Also when the drain has failed: what was delivered would be delivered again.
                var unsettled = _pipeline.Window.Messages;
                _log.Stopped(_options.GroupId, CommitLast(consumer, reader), unsettled);
            }
        }
        finally
        {
            // Also after an error: disposed of without Close in the middle of a rebalance, the client spins for ever.
            GiveUp([.. _assignment.Partitions]);
            _committer.WaitForCommit();

            // Before Close: rdkafka.h asks for it of whoever holds a reference to the consumer's queue, and the meter asks through the consumer's handle.
            reader.Dispose();
            lag.Dispose();
            probe.Dispose();
            consumer.Close();
        }
    }

    /// <summary>Pauses and resumes so that what is paused is what should be. A rebalance may have changed it behind our back.</summary>
    private void Steer(IConsumer<int, int> consumer)
    {
        var reasons = _pipeline.PauseReasons | (_stop.IsCancellationRequested ? PauseReasons.Stopping : PauseReasons.None);
        if (_paused.Count > 0 && _reasons.HasFlag(PauseReasons.WindowFull))
            reasons |= _pipeline.Window.IsHalfEmpty ? PauseReasons.None : PauseReasons.WindowFull;
        else if (reasons == PauseReasons.None && _pipeline.Window.Room == 0 && !_pipeline.Window.WaitForRoom(WindowPatience, _stop.Token))
            reasons |= PauseReasons.WindowFull;

        if (reasons != _reasons)
        {
            if (reasons == PauseReasons.None)
                _log.Resumed(_options.Topic);
            else if (reasons != PauseReasons.Stopping)
                _log.Paused(_options.Topic, reasons);

            _reasons = reasons;
        }

        var pause = new List<TopicPartition>();
        var resume = new List<TopicPartition>();
        foreach (var progress in _assignment.Partitions)
        {
            var isPaused = _paused.Contains(progress.Partition);
            var shouldPause = reasons != PauseReasons.None || IsTooFar(progress, isPaused);
            if (shouldPause == isPaused && !_unsteered.Contains(progress.Partition))
                continue;

            (shouldPause ? pause : resume).Add(new TopicPartition(_options.Topic, progress.Partition));
        }

        if (pause.Count > 0)
        {
            consumer.Pause(pause);
            _paused.UnionWith(pause.Select(p => p.Partition.Value));
        }

        if (resume.Count > 0)
        {
            consumer.Resume(resume);
            _paused.ExceptWith(resume.Select(p => p.Partition.Value));
        }

        _unsteered.Clear();
    }

    private bool IsTooFar(PartitionProgress progress, bool isPaused)
    {
        var distance = progress.Distance;
        var limit = isPaused ? _options.MaxUnsettledDistance / 2 : _options.MaxUnsettledDistance;
        if (distance < Math.Max(1, limit))
            return false;

        if (!isPaused)
            _log.DistanceReached(progress.Partition, _options.Topic, distance, progress.CommitOffset);

        return true;
    }

    private void Read(IRecordReader reader)
    {
        _batch.Clear();
        if (SinceLastPoll is var gap && gap > StallGap)
        {
            _log.Stalled(_options.Topic, gap);
            _pipeline.Gate.Stalled();
        }

        Volatile.Write(ref _lastPoll, _time.GetTimestamp());
        // Paused partitions give nothing, so this only serves the client's callbacks then.
        reader.Read(_batch, Math.Max(1, _pipeline.Window.Room), _pipeline.Window.RoomBytes, ReadTimeout);
        foreach (var error in _batch.Errors)
        {
            if (NeedsNewClient(error))
                throw new KafkaException(error);

            // Among these: max.poll.interval exceeded (the partitions were lost and come back), a topic that does not exist yet or may not be read.
            _errors.Report(error);
        }
    }

    /// <summary>
    /// Whether polling on after an error would stand still or lose something. A client that was refused its committed offsets never asks for them again. One that could
    /// not copy a record (for want of memory) has moved past it: what is read next would be committed, and that record never delivered.
    /// </summary>
    internal static bool NeedsNewClient(Error error) =>
        error.IsFatal || error.Code is ErrorCode.GroupAuthorizationFailed or ErrorCode.Local_KeyDeserialization or ErrorCode.Local_ValueDeserialization;

    /// <summary>Tracks what was read and hands it to the pipeline.</summary>
    private void HandOver()
    {
        var records = _batch.Records;
        if (records.IsEmpty)
            return;

        _errors.Answered();
        _handover.Clear();
        var skipped = 0;
        for (int start = 0, end; start < records.Length; start = end)
        {
            var partition = records[start].Partition;
            for (end = start + 1; end < records.Length && records[end].Partition == partition;)
                end++;

            // What follows of a partition whose offsets went back is read again.
            if (!_backTo.ContainsKey(partition) && _assignment.Find(partition) is { } progress)
                skipped += Track(progress, records[start..end]);
        }

        _metrics.Consumed(_handover.Count + skipped);
        if (skipped > 0)
            _metrics.Skipped(skipped);

        _pipeline.Accept(CollectionsMarshal.AsSpan(_handover));

        // Of a quiet topic it would keep the last messages in memory until the next come.
        _handover.Clear();
    }

    /// <returns>How many were redriven for another group: they are settled here, and nobody sees them.</returns>
    private int Track(PartitionProgress progress, ReadOnlySpan<RawRecord> records)
    {
        var skipped = 0;
        var tracked = progress.Track(records);
        foreach (ref readonly var record in records[..tracked])
        {
            if (!record.IsForAnotherGroup)
                _handover.Add(new Delivery(record, progress, KeyLanes.LaneOf(_options.Ordering, record)));
            else if (progress.Settle(record.Offset) && skipped++ == 0 && !_hasSaidSkip)
                SaySkip(record);
        }

        if (tracked == records.Length)
            return skipped;

        var back = records[tracked].Offset;
        _log.OffsetsWentBack(progress.Partition, _options.Topic, back);
        _assignment.Restart(progress.Partition);
        _committer!.Forget([progress.Partition]);
        _pipeline.DropRevoked();
        _backTo.Add(progress.Partition, back);
        return skipped;
    }

    /// <summary>
    /// Reads partitions again whose offsets went back, from where they went to. The client has done so by itself, but what it has told its application of, it remembers by the highest offset: after the
    /// next pause it would go on from there, and all between would be lost. Only a seek makes it forget that.
    /// </summary>
    private void GoBack(IConsumer<int, int> consumer)
    {
        foreach (var (partition, offset) in _backTo)
            consumer.Seek(new TopicPartitionOffset(_options.Topic, partition, offset));

        _backTo.Clear();
    }

    private void SaySkip(in RawRecord record)
    {
        _hasSaidSkip = true;
        _log.FirstSkipped(record.Partition, record.Offset, _options.Topic, _options.GroupId);
    }

    /// <summary>Keeps polling, paused, while what is in flight ends.</summary>
    private void Drain(IConsumer<int, int> consumer, IRecordReader reader)
    {
        while (_pipeline.Lanes.InFlight > 0 && DrainTimeLeft > TimeSpan.Zero)
        {
            Steer(consumer);
            Read(reader);
        }

        // Cancelled calls end at once, and what they held is free for the next owner; one that ignores its token is left behind.
        _pipeline.Abort();
        SpinWait.SpinUntil(() => _pipeline.Lanes.InFlight == 0, TimeSpan.FromSeconds(1));
    }

    /// <summary>
    /// Commits what is settled. A group that is rebalancing at this very moment refuses it; polling on lets the rebalance end, and what was delivered is not delivered
    /// again after the restart.
    /// </summary>
    private string CommitLast(IConsumer<int, int> consumer, IRecordReader reader)
    {
        string committed;
        while (_committer!.CommitNow(_assignment.Partitions, out committed) && DrainTimeLeft > TimeSpan.Zero)
        {
            Steer(consumer);
            Read(reader);
        }

        return committed;
    }

    void IRebalanceListener.Assigned(List<TopicPartition> partitions)
    {
        // A member that comes back may find that others have all the partitions: then it is back all the same.
        if (Interlocked.Exchange(ref _lostAt, 0) is not 0 and var lostAt)
            _log.BackInGroup(_options.GroupId, _time.GetElapsedTime(lostAt));

        if (partitions.Count == 0)
            return;

        _errors.Answered();
        var numbers = partitions.Select(p => p.Partition.Value).ToList();

        // What was read of them earlier in this very read belongs to what they were before, and comes again.
        foreach (var number in numbers)
            _batch.Remove(number);

        _assignment.Add(numbers);
        _committer?.Forget(numbers);
        _paused.ExceptWith(numbers);
        _unsteered.UnionWith(numbers);
        _hasSaidSkip = false;
        Volatile.Write(ref _partitionsOwned, _assignment.Count);
        _log.Assigned(string.Join(", ", numbers), _options.Topic, _assignment.Epoch);
    }

    void IRebalanceListener.Revoked(List<TopicPartitionOffset> partitions)
    {
        var revoked = Owned(partitions);
        if (revoked.Count == 0)
            return;

        var started = _time.GetTimestamp();
        foreach (var progress in revoked)
        {
            _batch.Remove(progress.Partition);
            progress.Revoke();
        }

        _pipeline.DropRevoked();
        var drained = SpinWait.SpinUntil(() => revoked.TrueForAll(_pipeline.Lanes.IsIdle), DrainTimeLeft);
        _committer!.CommitNow(revoked, out var committed);
        GiveUp(revoked);
        _log.Revoked(Text(revoked), _options.Topic, drained ? "all in flight" : "not all in flight in time", _time.GetElapsedTime(started), committed);
    }

    void IRebalanceListener.Lost(List<TopicPartitionOffset> partitions)
    {
        var lost = Owned(partitions);
        if (lost.Count == 0)
            return;

        foreach (var progress in lost)
            _batch.Remove(progress.Partition);

        GiveUp(lost);
        _metrics.PutOut();
        Interlocked.CompareExchange(ref _lostAt, Math.Max(1, _time.GetTimestamp()), 0);
        _log.Lost(Text(lost), _options.Topic);
    }

    /// <summary>Ends the ownership of partitions: what waits is dropped, what completes late is ignored.</summary>
    private void GiveUp(List<PartitionProgress> partitions)
    {
        _assignment.Remove(partitions);
        _paused.ExceptWith(partitions.Select(p => p.Partition));
        _committer?.Forget(partitions.Select(p => p.Partition));
        _pipeline.DropRevoked();
        Volatile.Write(ref _partitionsOwned, _assignment.Count);
    }

    private List<PartitionProgress> Owned(List<TopicPartitionOffset> partitions) =>
        [.. partitions.Select(p => _assignment.Find(p.Partition.Value)).OfType<PartitionProgress>()];

    private static string Text(IEnumerable<PartitionProgress> partitions) => string.Join(", ", partitions.Select(p => p.Partition));
}
