using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>How a client sends letters one by one, into the dead-letter topic and back: what one topic took, the other must take as well.</summary>
internal static class LetterSending
{
    /// <summary>Our defaults. The user's settings go on top of them.</summary>
    public static void SetDefaults(ProducerConfig config)
    {
        // The topic's limit is for what arrives, compressed. An original that fits because its producer compressed it well must fit again, so letters get
        // the strongest codec there is; they are few enough.
        config.CompressionType = CompressionType.Zstd;

        // The broker knows how large a message may be, and no smaller limit of the client's must stop one.
        config.MessageMaxBytes = 100_000_000;

        // What the brokers refuse is a batch, all of it, and the client never splits one: letters that fit one by one would be too large together, and one with a
        // timestamp that its topic does not take would have the others refused for theirs. Alone in its batch, a letter's answer is its own; some 7,000 a second on one
        // broker are enough of them.
        config.BatchNumMessages = 1;
    }

    /// <summary>Whether a record was refused for its size: by the topic's limit, and by the client's when a user has set one; or by the size of the topic's segments.</summary>
    public static bool IsTooLarge(ErrorCode refusal) => refusal is ErrorCode.MsgSizeTooLarge or ErrorCode.RecordListTooLarge;
}
