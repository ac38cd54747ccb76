namespace CloudSync.Sdk;

/// <summary>Kafka has not taken a message. Producing it again with the same id is safe: the id tells consumers that it is the same message.</summary>
public sealed class ProduceFailedException : Exception
{
    /// <summary>A failure without more to say.</summary>
    public ProduceFailedException()
        : this("Kafka has not taken the message.")
    {
    }

    /// <summary>A failure.</summary>
    /// <param name="message">What failed and what to do.</param>
    public ProduceFailedException(string message)
        : base(message)
    {
    }

    /// <summary>A failure with its cause.</summary>
    /// <param name="message">What failed and what to do.</param>
    /// <param name="innerException">The client's own exception.</param>
    public ProduceFailedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The id of the message that was not taken, to produce it again with; <see langword="null"/> when it had none yet.</summary>
    public string? MessageId { get; init; }

    /// <summary>The limit, in bytes, that the message is over; <see langword="null"/> when it is not that, or the limit is the topic's, which its brokers don't tell.</summary>
    internal long? Limit { get; init; }

    /// <summary>Whether it is the message itself that can't be taken (too large, an invalid header), so that a second try is pointless.</summary>
    public bool IsPermanent { get; init; }
}
