namespace CloudSync.Sdk;

/// <summary>Dead letters could not be read, or not all of them sent back. What was acknowledged before is marked, and is not sent again.</summary>
public sealed class DeadLetterRedriveException : Exception
{
    /// <summary>A failure without more to say.</summary>
    public DeadLetterRedriveException()
        : this("The dead letters could not be read.")
    {
    }

    /// <summary>A failure.</summary>
    /// <param name="message">What failed and what to do.</param>
    public DeadLetterRedriveException(string message)
        : base(message)
    {
    }

    /// <summary>A failure with its cause.</summary>
    /// <param name="message">What failed and what to do.</param>
    /// <param name="innerException">The client's own exception.</param>
    public DeadLetterRedriveException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The letter that could not be sent; <see langword="null"/> when it was no letter's fault.</summary>
    public DeadLetterPosition? Position { get; init; }
}
