using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Says what a Kafka client reports, each kind once in 30 s and with the number of those in between: a broker that is down is reported for every attempt to
/// reach it, dozens a second, and would bury what matters. Keeps what is wrong with the connection for as long as it is.
/// </summary>
internal sealed class KafkaErrors(TimeProvider time, Action<Error, string, long> say)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>A client that is refused tries again within seconds, and is refused again: a refusal of which nothing was heard for so long is over.</summary>
    public static readonly TimeSpan RefusalLasts = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<ErrorCode, (long SaidAt, long Since)> _kinds = [];
    private KafkaTrouble? _refusal;
    private KafkaTrouble? _outage;
    private long _refusedAt;
    private volatile bool _isTroubled;

    /// <summary>What is wrong; <see langword="null"/> when nothing is known to be. A refusal goes before an outage, which the client reports of brokers that refuse it, too.</summary>
    public KafkaTrouble? Trouble
    {
        get
        {
            if (!_isTroubled)
                return null;

            lock (_gate)
                return _refusal is { } refusal && time.GetElapsedTime(_refusedAt) < RefusalLasts ? refusal : _outage;
        }
    }

    public void Report(Error error)
    {
        Note(error);
        long since;
        lock (_gate)
        {
            ref var kind = ref CollectionsMarshal.GetValueRefOrAddDefault(_kinds, error.Code, out var known);
            if (known && time.GetElapsedTime(kind.SaidAt) < Interval)
            {
                kind.Since++;
                return;
            }

            since = kind.Since;
            kind = (time.GetTimestamp(), 0);
        }

        say(error, KafkaTrouble.Of(error)?.Advice ?? "It goes on.", since);
    }

    /// <summary>Keeps what an error means, and says nothing.</summary>
    public void Note(Error error)
    {
        if (KafkaTrouble.Of(error) is not { } meaning)
            return;

        lock (_gate)
            Keep(error, meaning.NeedsAttention);
    }

    /// <summary>Kafka has done what we asked: whatever was wrong is over. Cheap while nothing is, so it may be called for every read.</summary>
    public void Answered()
    {
        if (!_isTroubled)
            return;

        lock (_gate)
        {
            (_refusal, _outage) = (null, null);
            _isTroubled = false;
        }
    }

    private void Keep(Error error, bool needsAttention)
    {
        _isTroubled = true;
        ref var kept = ref needsAttention ? ref _refusal : ref _outage;
        var isOver = needsAttention && time.GetElapsedTime(_refusedAt) >= RefusalLasts;
        var since = kept is null || isOver ? time.GetUtcNow() : kept.Since;
        kept = new KafkaTrouble(KafkaTrouble.TextOf(error), since, needsAttention);
        if (needsAttention)
            _refusedAt = time.GetTimestamp();
    }
}
