using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Says what a Kafka client reports, each kind once in 30 s and with the number of those in between: a broker that is down is reported for every attempt to
/// reach it, dozens a second, and would bury what matters.
/// </summary>
internal sealed class KafkaErrors(TimeProvider time, Action<Error, long> say)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<ErrorCode, (long SaidAt, long Since)> _kinds = [];

    public void Report(Error error)
    {
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

        say(error, since);
    }
}
