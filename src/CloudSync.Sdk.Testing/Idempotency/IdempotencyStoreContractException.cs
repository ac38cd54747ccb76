namespace CloudSync.Sdk.Testing;

/// <summary>A store does not keep the contract of <see cref="IIdempotencyStore"/>. The message says which rule it breaks, what was expected and what it did.</summary>
public sealed class IdempotencyStoreContractException : Exception
{
    /// <summary>A store broke a rule.</summary>
    public IdempotencyStoreContractException()
    {
    }

    /// <summary>A store broke a rule.</summary>
    /// <param name="message">Which, and how.</param>
    public IdempotencyStoreContractException(string message)
        : base(message)
    {
    }

    /// <summary>A store broke a rule.</summary>
    /// <param name="message">Which, and how.</param>
    /// <param name="innerException">What the store threw.</param>
    public IdempotencyStoreContractException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
