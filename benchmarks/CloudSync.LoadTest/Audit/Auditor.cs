using System.Globalization;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Audit;

/// <summary>Holds what an endpoint received against what was acknowledged.</summary>
internal static class Auditor
{
    private const int MostExamples = 10;

    /// <param name="endpoint">Its name.</param>
    /// <param name="accepted">What was acknowledged.</param>
    /// <param name="arrivals">What came.</param>
    /// <param name="deadLetters">The numbers of the messages that were kept as dead letters for it.</param>
    /// <param name="keyOf">The number of a message's key.</param>
    /// <param name="isWhole">Whether all was waited for. After an interrupt, what has not come yet is not lost.</param>
    public static AuditResult Audit(string endpoint, AcceptedLedger accepted, Arrivals arrivals, IReadOnlySet<long> deadLetters, Func<long, int> keyOf, bool isWhole = true)
    {
        var examples = new List<string>();
        var (arrived, unanswered, missing, invented) = (0L, 0L, 0L, arrivals.Invented);
        for (var number = 0L; number < Math.Max(accepted.Sent, arrivals.Order.Length); number++)
        {
            var hasArrived = number < arrivals.Order.Length && arrivals.Order[number] != 0;
            if (number >= accepted.Sent)
                invented += hasArrived ? 1 : 0;
            else if (hasArrived)
                (arrived, unanswered) = (arrived + 1, unanswered + (accepted.PlaceOf(number) is null ? 1 : 0));
            else if (accepted.PlaceOf(number) is { } place && !deadLetters.Contains(number) && ++missing > 0 && isWhole)
                Say($"{number} was acknowledged at {place.Partition}/{place.Offset} and has not arrived");
        }

        if (arrivals.Duplicates > 0)
            Say($"{arrivals.Duplicates} arrivals of a message that was there already");
        return new AuditResult
        {
            Endpoint = endpoint,
            Accepted = accepted.Accepted,
            Arrived = arrived,
            Lost = isWhole ? missing : 0,
            NotArrivedYet = isWhole ? 0 : missing,
            Duplicates = arrivals.Duplicates,
            OutOfOrder = OutOfOrder(accepted, arrivals.Order, keyOf, Say),
            DeadLetters = deadLetters.Count,
            Unanswered = unanswered,
            Invented = invented,
            Examples = examples,
        };

        void Say(FormattableString text)
        {
            if (examples.Count < MostExamples)
                examples.Add(text.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>
    /// Requests run at the same time, so the order of a key is the one in which Kafka took its messages, not the one in which they were sent: in the order of arrival, the offsets of each key
    /// must rise, in one partition.
    /// </summary>
    private static long OutOfOrder(AcceptedLedger accepted, int[] order, Func<long, int> keyOf, Action<FormattableString> say)
    {
        var inOrder = InOrderOfArrival(order);
        var last = new Dictionary<int, (long Number, Place Place)>();
        var count = 0L;
        foreach (var number in inOrder)
        {
            if (number < 0 || number >= accepted.Sent || accepted.PlaceOf(number) is not { } place)
                continue;

            if (last.TryGetValue(keyOf(number), out var before) && (place.Partition != before.Place.Partition || place.Offset <= before.Place.Offset))
            {
                count++;
                say($"{number} at {place.Partition}/{place.Offset} has arrived after {before.Number} at {before.Place.Partition}/{before.Place.Offset}, which has the same key");
                continue;
            }

            last[keyOf(number)] = (number, place);
        }

        return count;
    }

    /// <summary>The numbers of the messages; -1 where an arrival was a duplicate.</summary>
    private static int[] InOrderOfArrival(int[] order)
    {
        var numbers = new int[order.Length == 0 ? 0 : order.Max()];
        Array.Fill(numbers, -1);
        for (var number = 0; number < order.Length; number++)
            if (order[number] != 0)
                numbers[order[number] - 1] = number;
        return numbers;
    }
}
