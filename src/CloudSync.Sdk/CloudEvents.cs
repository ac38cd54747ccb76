namespace CloudSync.Sdk;

/// <summary>
/// The names of the record headers that carry the envelope: CloudEvents 1.0 in the binary mode of its Kafka protocol binding, and W3C trace context.
/// </summary>
/// <remarks>See the CloudEvents Kafka protocol binding 1.0.2, section 3.2, and the W3C Trace Context recommendation.</remarks>
public static class CloudEvents
{
    /// <summary>The version of the specification that the producer writes: <c>1.0</c>.</summary>
    public const string SpecVersionValue = "1.0";

    /// <summary>Header <c>ce_specversion</c>: the version of the CloudEvents specification.</summary>
    public const string SpecVersion = "ce_specversion";

    /// <summary>Header <c>ce_id</c>: the message id, by which duplicates are recognised. It is enough on its own.</summary>
    public const string Id = "ce_id";

    /// <summary>Header <c>ce_source</c>: who produced the message, a URI reference.</summary>
    public const string Source = "ce_source";

    /// <summary>Header <c>ce_type</c>: what kind of event the message is.</summary>
    public const string Type = "ce_type";

    /// <summary>Header <c>ce_time</c>: when the event happened, RFC 3339.</summary>
    public const string Time = "ce_time";

    /// <summary>Header <c>ce_correlationid</c>, an extension attribute: what the message belongs to.</summary>
    public const string CorrelationId = "ce_correlationid";

    /// <summary>Header <c>content-type</c>: the media type of the payload.</summary>
    public const string ContentType = "content-type";

    /// <summary>Header <c>traceparent</c>: W3C trace context.</summary>
    public const string TraceParent = "traceparent";

    /// <summary>Header <c>tracestate</c>: W3C trace context, the vendors' part.</summary>
    public const string TraceState = "tracestate";
}
