namespace CloudSync.Sdk;

/// <summary>How one try of a message ended.</summary>
internal enum OutcomeKind
{
    /// <summary>The endpoint has acknowledged it.</summary>
    Delivered = 1,

    /// <summary>Its id was delivered before.</summary>
    Duplicate,

    /// <summary>The brokers have its dead letter.</summary>
    DeadLettered,

    /// <summary>The sink threw, or reported an error.</summary>
    Failed,

    /// <summary>Another is delivering the same id: it waits, and is no attempt.</summary>
    HeldByAnother,

    /// <summary>The idempotency store can't answer: it waits, and is no attempt.</summary>
    StoreFailed,

    /// <summary>The breaker opened before the sink was called: it goes back, and is no attempt.</summary>
    Refused,

    /// <summary>The consumer stopped, or its partition was given up, before it ended: it stays unsettled.</summary>
    Interrupted,
}

/// <summary>How one try of a message ended, on its way to being settled.</summary>
/// <param name="Kind">How it ended.</param>
/// <param name="Delivery">The message.</param>
/// <param name="Admission">How its call was let in.</param>
/// <param name="Error">What the sink threw or reported, or the store.</param>
/// <param name="Wait">How long another holds it.</param>
/// <param name="IsAlive">Whether the endpoint has taken a message of the same call, so that this one's failure says nothing of the endpoint.</param>
/// <param name="EndsCall">
/// Whether it is the last of a call that failed for some. The call keeps its place among the concurrent ones until this outcome has been looked at, and for
/// the breaker it is one failure, whatever the number of its messages.
/// </param>
internal readonly record struct Outcome(
    OutcomeKind Kind,
    Delivery Delivery,
    Admission Admission = Admission.Normal,
    Exception? Error = null,
    TimeSpan Wait = default,
    bool IsAlive = false,
    bool EndsCall = false);
