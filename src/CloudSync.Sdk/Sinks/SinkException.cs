namespace CloudSync.Sdk;

/// <summary>Thrown by a sink that knows what went wrong. The default classifier takes its word for it.</summary>
public class SinkException : Exception
{
    /// <summary>An error of unknown kind.</summary>
    public SinkException()
        : this("The sink failed.")
    {
    }

    /// <summary>An error of unknown kind.</summary>
    /// <param name="message">What failed, for the person who reads it at night. No payload, no secret.</param>
    public SinkException(string message)
        : this(ErrorType.Unknown, message)
    {
    }

    /// <summary>An error of unknown kind.</summary>
    /// <param name="message">What failed, for the person who reads it at night. No payload, no secret.</param>
    /// <param name="innerException">The cause.</param>
    public SinkException(string message, Exception? innerException)
        : this(ErrorType.Unknown, message, innerException)
    {
    }

    /// <summary>An error of a known kind.</summary>
    /// <param name="errorType">The kind, which decides whether and when the message is tried again.</param>
    /// <param name="message">What failed, for the person who reads it at night. No payload, no secret.</param>
    /// <param name="innerException">The cause.</param>
    public SinkException(ErrorType errorType, string message, Exception? innerException = null)
        : base(message, innerException) => ErrorType = errorType;

    /// <summary>The kind of the error.</summary>
    public ErrorType ErrorType { get; }

    /// <summary>How long the endpoint asks us to wait; <see langword="null"/> when it does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The HTTP status of the answer; <see langword="null"/> when there was none.</summary>
    public int? StatusCode { get; init; }
}
