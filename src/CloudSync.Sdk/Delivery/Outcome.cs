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

    /// <summary>The endpoint could no longer be called when its turn came: it goes back, and is no attempt.</summary>
    Refused,

    /// <summary>The consumer stopped, or its partition was given up, before it ended: it stays unsettled.</summary>
    Interrupted,
}

/// <summary>How one try of a message ended, on its way to being settled.</summary>
/// <param name="Kind">How it ended.</param>
/// <param name="Delivery">The message.</param>
/// <param name="Error">What the sink threw or reported.</param>
/// <param name="Wait">How long another holds it.</param>
/// <param name="Plan">What follows from a failure.</param>
internal readonly record struct Outcome(
    OutcomeKind Kind, Delivery Delivery, Exception? Error = null, TimeSpan Wait = default, RetryPlan Plan = default);

/// <summary>One call of the sink that has ended.</summary>
/// <param name="Admission">How it was let in.</param>
/// <param name="Duration">How long it took; zero when nobody wants to know.</param>
/// <param name="FailedWhole">Whether it failed without saying anything of the single messages.</param>
/// <param name="TraceParent">The trace that it was called under; <see langword="null"/> when nobody traced it.</param>
internal readonly record struct CallEnd(Admission Admission, TimeSpan Duration, bool FailedWhole = false, string? TraceParent = null);
