namespace CloudSync.Sdk;

/// <summary>
/// The headers that a dead letter has besides those of the original record, which stand before them untouched. All values are UTF-8 text; times are
/// RFC 3339 in UTC; numbers are decimal.
/// </summary>
/// <remarks>
/// They must not make a letter larger than its topic takes. Where all of them do, it has only <see cref="ErrorType"/>, <see cref="Attempts"/>,
/// <see cref="LastFailure"/>, <see cref="Topic"/>, <see cref="Partition"/>, <see cref="Offset"/>, <see cref="Timestamp"/>, <see cref="ConsumerGroup"/>,
/// <see cref="Consumer"/> and, where it was redriven before, <see cref="Redrives"/> and an id that stands nowhere else; where those do, it has none, and the log says what they would have said (event 1110).
/// </remarks>
public static class DeadLetterHeaders
{
    /// <summary>What every name of ours begins with. A redriven message's earlier headers of this prefix are replaced, never repeated.</summary>
    public const string Prefix = "cloudsync-dlq-";

    /// <summary>The <see cref="CloudSync.Sdk.ErrorType"/> of the last failure.</summary>
    public const string ErrorType = Prefix + "error-type";

    /// <summary>The type of the last exception.</summary>
    public const string ExceptionType = Prefix + "exception-type";

    /// <summary>The message of the last exception, cut to 1,024 characters.</summary>
    public const string ExceptionMessage = Prefix + "exception-message";

    /// <summary>The HTTP status of the last answer; left out where there was none.</summary>
    public const string HttpStatus = Prefix + "http-status";

    /// <summary>How often the sink was called for the message, probes of an open breaker left out.</summary>
    public const string Attempts = Prefix + "attempts";

    /// <summary>When the message failed first.</summary>
    public const string FirstFailure = Prefix + "first-failure";

    /// <summary>When the message failed last.</summary>
    public const string LastFailure = Prefix + "last-failure";

    /// <summary>The topic that the record came from.</summary>
    public const string Topic = Prefix + "topic";

    /// <summary>Its partition there.</summary>
    public const string Partition = Prefix + "partition";

    /// <summary>Its offset there.</summary>
    public const string Offset = Prefix + "offset";

    /// <summary>
    /// Its timestamp there. The dead letter's own is the same, but where its topic stamps records itself (<c>message.timestamp.type=LogAppendTime</c>, which is the setting
    /// for it) or refuses the time (<c>message.timestamp.after.max.ms</c>), and where it is 0, which the client takes for 'now'.
    /// </summary>
    public const string Timestamp = Prefix + "timestamp";

    /// <summary>The consumer group that could not deliver it: others have.</summary>
    public const string ConsumerGroup = Prefix + "consumer-group";

    /// <summary>The name of the consumer.</summary>
    public const string Consumer = Prefix + "consumer";

    /// <summary>
    /// The message id that duplicates are recognised by, cut to 1,024 characters: a longer one stands whole in <c>ce_id</c>. For a record without
    /// <c>ce_id</c> it stands nowhere else.
    /// </summary>
    public const string MessageId = Prefix + "message-id";

    /// <summary>What the message belongs to, from <c>ce_correlationid</c>, cut to 1,024 characters; left out where the record does not say.</summary>
    public const string CorrelationId = Prefix + "correlation-id";

    /// <summary>
    /// W3C trace context under which the message was given up: that of the last failed call where somebody traced it, else the record's own; left out where there is
    /// none.
    /// </summary>
    public const string TraceParent = Prefix + "traceparent";

    /// <summary>The vendors' part of <see cref="TraceParent"/>; left out where there is none, or it is longer than 1,024 characters.</summary>
    public const string TraceState = Prefix + "tracestate";

    /// <summary>How often the message had been redriven when it failed; left out for one that never was.</summary>
    public const string Redrives = Prefix + "redrives";

    /// <summary>The host that gave the message up.</summary>
    public const string Host = Prefix + "host";

    /// <summary>The version of the SDK.</summary>
    public const string SdkVersion = Prefix + "sdk-version";

    /// <summary>
    /// On a record that is no dead letter but a marker: which letters of its partition were redriven, as ranges of offsets such as <c>5-120,130</c>. It has no key and
    /// no value, <see cref="ConsumerGroup"/>, and <see cref="RedrivenAt"/>.
    /// </summary>
    public const string Redriven = Prefix + "redriven";

    /// <summary>On a marker: when it was written.</summary>
    public const string RedrivenAt = Prefix + "redriven-at";
}
