using CloudSync.Sdk;

namespace AzureSyncHost;

/// <summary>
/// API Management answers 403 with Retry-After when a subscription's quota is used up. By its status that is a wrong key; by its header it is a request
/// to come back later.
/// </summary>
public sealed class AzureErrorClassifier : IErrorClassifier
{
    /// <inheritdoc/>
    public ErrorClassification? Classify(in DeliveryFailure failure) =>
        failure.Exception is SinkException { StatusCode: 403, RetryAfter: { } wait }
            ? new ErrorClassification(ErrorType.RateLimited, wait)
            : null;
}
