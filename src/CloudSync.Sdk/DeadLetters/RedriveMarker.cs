using System.Globalization;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// What says in the dead-letter topic itself that letters of one partition were redriven: a record without key and value behind them. Whoever reads the topic knows
/// it, whatever machine or filter the run had, and for as long as the letters are there.
/// </summary>
internal static class RedriveMarker
{
    public static Message<byte[]?, byte[]?> Build(string group, IEnumerable<long> offsets, DateTimeOffset now) => new()
    {
        Headers = new Headers
        {
            { DeadLetterHeaders.Redriven, Encoding.UTF8.GetBytes(OffsetRanges.Format(offsets)) },
            { DeadLetterHeaders.ConsumerGroup, Encoding.UTF8.GetBytes(group) },
            { DeadLetterHeaders.RedrivenAt, Encoding.UTF8.GetBytes(now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)) },
        },
    };

    /// <summary>Whether a record is a marker. A letter never is: headers of our prefix do not come over from the original.</summary>
    public static bool Is(Message<byte[]?, byte[]?> message) => message.Headers?.TryGetLastBytes(DeadLetterHeaders.Redriven, out _) == true;

    /// <summary>Reads which letters it marks.</summary>
    /// <returns>Whether it could be read.</returns>
    public static bool TryRead(Message<byte[]?, byte[]?> message, out List<(long First, long Last)> ranges)
    {
        ranges = [];
        return message.Headers.GetLastBytes(DeadLetterHeaders.Redriven) is { } bytes && OffsetRanges.TryParse(Encoding.UTF8.GetString(bytes), out ranges);
    }
}
