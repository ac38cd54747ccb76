namespace CloudSync.Sdk;

/// <summary>The idempotency store in Redis did not answer, or refused. The message says what failed, where, and what to do; the client's own exception is inside.</summary>
public sealed class RedisStoreException : Exception
{
    /// <summary>Says what failed.</summary>
    /// <param name="message">What failed, where, and what to do.</param>
    public RedisStoreException(string message)
        : base(message)
    {
    }

    /// <summary>Says what failed.</summary>
    /// <param name="message">What failed, where, and what to do.</param>
    /// <param name="innerException">The client's own exception.</param>
    public RedisStoreException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Says nothing.</summary>
    public RedisStoreException()
    {
    }
}
