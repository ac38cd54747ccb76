namespace CloudSync.Sdk;

/// <summary>Says what kind of failure an exception is.</summary>
/// <remarks>Called once for each failed attempt, from several threads at the same time. It must not throw; if it does, the default classifier decides.</remarks>
public interface IErrorClassifier
{
    /// <summary>Classifies one failed attempt.</summary>
    /// <param name="failure">The message, the attempt and the exception.</param>
    /// <returns>The kind of the error, or <see langword="null"/> for 'not mine': the default classifier then decides.</returns>
    ErrorClassification? Classify(in DeliveryFailure failure);
}

/// <summary>One failed attempt, as a classifier sees it.</summary>
/// <param name="Message">The message.</param>
/// <param name="Attempt">Which attempt of this message it was, from 1.</param>
/// <param name="Exception">What the sink threw or reported.</param>
public readonly record struct DeliveryFailure(SyncMessage Message, int Attempt, Exception Exception);

/// <summary>The kind of a failure, and how long the endpoint asks us to wait.</summary>
/// <param name="Type">The kind.</param>
/// <param name="RetryAfter">How long the endpoint asks us to wait; <see langword="null"/> when it does not say.</param>
public readonly record struct ErrorClassification(ErrorType Type, TimeSpan? RetryAfter = null);
