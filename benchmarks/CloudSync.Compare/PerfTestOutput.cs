using System.Globalization;

namespace CloudSync.Compare;

/// <summary>What <c>kafka-consumer-perf-test.sh</c> prints: a header, and a line of ten figures, separated by commas.</summary>
/// <param name="Messages">Messages that it has read (<c>data.consumed.in.nMsg</c>).</param>
/// <param name="Seconds">
/// How long it read (<c>fetch.time.ms</c>): without the time to join the group, as we measure the others from their first message. Its rate is <c>fetch.nMsg.sec</c>.
/// </param>
internal readonly record struct PerfTestOutput(long Messages, double Seconds)
{
    private const int Fields = 10;
    private const int MessagesField = 4;
    private const int FetchTimeField = 7;

    /// <exception cref="InvalidOperationException">There is no such line.</exception>
    public static PerfTestOutput Parse(string output)
    {
        foreach (var line in output.Split('\n').Reverse())
        {
            var fields = line.Split(',', StringSplitOptions.TrimEntries);
            if (fields.Length == Fields
                && long.TryParse(fields[MessagesField], CultureInfo.InvariantCulture, out var messages)
                && double.TryParse(fields[FetchTimeField], CultureInfo.InvariantCulture, out var milliseconds)
                && milliseconds > 0)
                return new PerfTestOutput(messages, milliseconds / 1_000);
        }

        throw new InvalidOperationException($"kafka-consumer-perf-test.sh printed no line of figures, but: {output.Trim()}");
    }
}
