using System.Globalization;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>Builds the record that goes back to where the dead letter came from: the original byte for byte, for the group that failed alone. Pure.</summary>
internal static class RedrivenRecord
{
    /// <param name="letter">The letter.</param>
    /// <param name="isStampedAnew">Whether its timestamp is the time of sending, in place of the original's.</param>
    public static Message<byte[]?, byte[]?> Build(DeadLetterRecord letter, bool isStampedAnew = false)
    {
        var headers = new Headers();
        foreach (var header in letter.OriginalHeaders)
        {
            if (!header.Name.StartsWith(RedriveHeaders.Prefix, StringComparison.Ordinal))
                headers.Add(header.Name, header.Value?.ToArray());
        }

        headers.Add(RedriveHeaders.Group, Encoding.UTF8.GetBytes(letter.Group!));
        headers.Add(RedriveHeaders.Count, Encoding.UTF8.GetBytes((letter.Redrives + 1).ToString(CultureInfo.InvariantCulture)));

        // Behind ours, which tells DeadLetter.Build that it is no header of the original. Its place was the record's id so far, and it has another place now.
        if (!letter.HasOwnId)
            headers.Add(CloudEvents.Id, Encoding.UTF8.GetBytes(letter.MessageId!));

        return new Message<byte[]?, byte[]?>
        {
            Key = letter.Key?.ToArray(),
            Value = letter.Value?.ToArray(),
            Headers = headers,
            Timestamp = isStampedAnew ? Timestamp.Default : new Timestamp(letter.TimestampMs, TimestampType.CreateTime),
        };
    }

    /// <summary>The partition that the message came from, so that its key stays where it was; by its key when there is no such partition any more.</summary>
    public static TopicPartition Destination(DeadLetterRecord letter, int partitions) =>
        new(letter.Topic!, letter.Partition is { } partition && partition < partitions ? partition : Partition.Any);
}
