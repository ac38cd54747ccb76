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
/// <param name="Admission">How the breaker let the call in.</param>
/// <param name="Error">What the sink threw or reported.</param>
/// <param name="Wait">How long another still holds the id.</param>
/// <param name="IsEcho">Whether it failed together with another message of its call: the breaker counts calls, and has counted this one.</param>
internal readonly record struct Outcome(
    OutcomeKind Kind, Delivery Delivery, Admission Admission = Admission.Normal, Exception? Error = null, TimeSpan Wait = default, bool IsEcho = false);
