using System.Globalization;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>Messages that arrived again, by whether a killed process excuses that.</summary>
/// <remarks>
/// One repeat can't be avoided: of a message whose sender was killed before it had written down, in the store that the group shares, that it was answered. So what comes again must have come the first time from a
/// process that was killed, from another process now, and for the second time only. It must be the last of its key that the killed one had sent, for the next one is sent when the one before is written down. And it was
/// either not answered, or answered in the last moment.
/// </remarks>
/// <param name="Unanswered">Excused: the killed process had no answer.</param>
/// <param name="LastMoment">Excused: it had one, and no time to write that down.</param>
/// <param name="ForNothing">Not excused.</param>
/// <param name="Examples">The first of those.</param>
internal sealed record Repeats(int Unanswered, int LastMoment, int ForNothing, IReadOnlyList<string> Examples)
{
    /// <summary>How long before the end of a process an answer may have come that it has not written down. That takes some milliseconds, on a busy machine some more.</summary>
    public static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);

    private const int MostExamples = 10;

    /// <param name="calls">In the order of their arrival.</param>
    /// <param name="killed">The processes that were killed, and when.</param>
    /// <param name="keyOf">The number of a message's key.</param>
    public static Repeats Of(IEnumerable<Call> calls, IReadOnlyDictionary<int, TimeSpan> killed, Func<long, int> keyOf)
    {
        var (before, again, lastOfKey) = (new Dictionary<long, Call>(), new HashSet<long>(), new Dictionary<(int Member, int Key), long>());
        var (unanswered, lastMoment, forNothing, examples) = (0, 0, 0, new List<string>());
        foreach (var call in calls)
        {
            foreach (var number in call.Numbers)
            {
                if (before.TryAdd(number, call))
                {
                    if (killed.ContainsKey(call.Member))
                        lastOfKey[(call.Member, keyOf(number))] = number;
                    continue;
                }

                var first = before[number];
                var isExcused = again.Add(number) && first.Member != call.Member && lastOfKey.GetValueOrDefault((first.Member, keyOf(number)), -1) == number;
                // The system may take an answer for a process that is dead, so its time decides.
                if (isExcused && (first.Answered is null || first.Answered >= killed[first.Member]))
                    unanswered++;
                else if (isExcused && killed[first.Member] - first.Answered <= Moment)
                    lastMoment++;
                else if (++forNothing <= MostExamples)
                    examples.Add(string.Create(CultureInfo.InvariantCulture, $"{number} came from process {first.Member} and again from {call.Member}"));
            }
        }

        return new Repeats(unanswered, lastMoment, forNothing, examples);
    }
}
