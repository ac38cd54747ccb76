namespace CloudSync.Sdk;

/// <summary>A message for <see cref="ICloudSyncProducer"/>. Only the payload is needed.</summary>
public readonly record struct OutgoingMessage
{
    /// <summary>A message with this payload.</summary>
    /// <param name="value">The payload. It is copied before the call returns; <see langword="default"/> is an empty payload.</param>
    public OutgoingMessage(ReadOnlyMemory<byte> value) => Value = value;

    /// <summary>The payload, any bytes.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>
    /// The message id, 1 to 1,024 characters: of two messages with one id a consumer delivers one, as long as its idempotency store remembers the first. Default <see langword="null"/>: an id is made (a version 7 UUID,
    /// which is unique and in the order of time, and can be guessed).
    /// </summary>
    public string? Id { get; init; }

    /// <summary>The key, as UTF-8: messages with one key stay in order. Default <see langword="null"/>: no order, spread over the partitions.</summary>
    public string? Key { get; init; }

    /// <summary>CloudEvents <c>source</c>. Default <see langword="null"/>: <see cref="CloudSyncProducerOptions.Source"/>.</summary>
    public string? Source { get; init; }

    /// <summary>CloudEvents <c>type</c>. Default <see langword="null"/>: <see cref="CloudSyncProducerOptions.Type"/>.</summary>
    public string? Type { get; init; }

    /// <summary>CloudEvents <c>time</c>. Default <see langword="null"/>: now.</summary>
    public DateTimeOffset? Time { get; init; }

    /// <summary>The media type of the payload. Default <see langword="null"/>: <c>application/json</c>.</summary>
    public string? ContentType { get; init; }

    /// <summary>What the message belongs to. Default <see langword="null"/>, or empty: the header is left out.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>
    /// Further headers, after ours; a name may come several times. Those that are written from the properties above (<c>ce_id</c>, <c>content-type</c> …) are
    /// refused, and so are those of dead letters and redrives (<see cref="DeadLetterHeaders.Prefix"/>, <see cref="RedriveHeaders.Prefix"/>). <c>traceparent</c> or <c>tracestate</c> among them passes a trace on, and takes the place of the current activity's. Default
    /// <see langword="null"/>: none.
    /// </summary>
    public IReadOnlyList<MessageHeader>? Headers { get; init; }
}
