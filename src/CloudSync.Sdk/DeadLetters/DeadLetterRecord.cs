using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using CloudSync.Sdk.Settings;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// A dead letter as it stands in its topic: the original record, and why, where, when and how often it failed. A detail that the letter does not give, or gives
/// unreadably, is <see langword="null"/>.
/// </summary>
public sealed class DeadLetterRecord
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, byte[]> _details = new(StringComparer.Ordinal);

    private DeadLetterRecord(ConsumeResult<byte[]?, byte[]?> record)
    {
        var message = record.Message;
        Position = new DeadLetterPosition(record.Partition.Value, record.Offset.Value);
        Key = Memory(message.Key);
        Value = Memory(message.Value);
        var (originals, details) = (new List<MessageHeader>(), new List<MessageHeader>());
        byte[]? id = null;
        foreach (var header in message.Headers ?? [])
        {
            var bytes = header.GetValueBytes();
            var isDetail = header.Key.StartsWith(DeadLetterHeaders.Prefix, StringComparison.Ordinal);
            if (isDetail && bytes is not null)
                _details[header.Key] = bytes;
            else if (header.Key == CloudEvents.Id && bytes is not null)
                id = bytes;

            (isDetail ? details : originals).Add(new MessageHeader(header.Key, Memory(bytes)));
        }

        OriginalHeaders = originals;
        Details = details;
        Group = Text(DeadLetterHeaders.ConsumerGroup);
        Consumer = Text(DeadLetterHeaders.Consumer);
        ErrorType = Enum.TryParse<ErrorType>(Text(DeadLetterHeaders.ErrorType), out var type) && Enum.IsDefined(type) ? type : null;
        ExceptionType = Text(DeadLetterHeaders.ExceptionType);
        ExceptionMessage = Text(DeadLetterHeaders.ExceptionMessage);
        HttpStatus = (int?)Number(DeadLetterHeaders.HttpStatus, int.MaxValue);
        Attempts = (int?)Number(DeadLetterHeaders.Attempts, int.MaxValue);
        Redrives = (int)(Number(DeadLetterHeaders.Redrives, int.MaxValue - 1) ?? 0);
        FirstFailure = Time(DeadLetterHeaders.FirstFailure);
        LastFailure = Time(DeadLetterHeaders.LastFailure);
        Topic = Text(DeadLetterHeaders.Topic);
        Partition = (int?)Number(DeadLetterHeaders.Partition, int.MaxValue);
        Offset = Number(DeadLetterHeaders.Offset, long.MaxValue);
        Host = Text(DeadLetterHeaders.Host);
        SdkVersion = Text(DeadLetterHeaders.SdkVersion);
        HasOwnId = id is { Length: > 0 };
        MessageId = HasOwnId ? Encoding.UTF8.GetString(id!) : Text(DeadLetterHeaders.MessageId) is { Length: > 0 } named ? named : PlaceAsId();
        TimestampMs = TimestampOf(message.Timestamp);
        Problem = ProblemOf(record.Topic);
    }

    /// <summary>Where it stands in the dead-letter topic.</summary>
    public DeadLetterPosition Position { get; }

    /// <summary>The original key, or <see langword="null"/> for none.</summary>
    public ReadOnlyMemory<byte>? Key { get; }

    /// <summary>The original payload, or <see langword="null"/> for a tombstone.</summary>
    public ReadOnlyMemory<byte>? Value { get; }

    /// <summary>The headers of the original record, in their order.</summary>
    public IReadOnlyList<MessageHeader> OriginalHeaders { get; }

    /// <summary>The headers that say why, where, when and how often, as they stand there: those of <see cref="DeadLetterHeaders"/>, and what a later version may add.</summary>
    public IReadOnlyList<MessageHeader> Details { get; }

    /// <summary>The consumer group that could not deliver it.</summary>
    public string? Group { get; }

    /// <summary>The name of the consumer.</summary>
    public string? Consumer { get; }

    /// <summary>The kind of the last failure.</summary>
    public ErrorType? ErrorType { get; }

    /// <summary>The type of the last exception.</summary>
    public string? ExceptionType { get; }

    /// <summary>The message of the last exception.</summary>
    public string? ExceptionMessage { get; }

    /// <summary>The HTTP status of the last answer.</summary>
    public int? HttpStatus { get; }

    /// <summary>How often the sink was called for the message.</summary>
    public int? Attempts { get; }

    /// <summary>How often the message had been redriven when it failed; 0 for one that never was.</summary>
    public int Redrives { get; }

    /// <summary>When it failed first. UTC.</summary>
    public DateTimeOffset? FirstFailure { get; }

    /// <summary>When it failed last. UTC.</summary>
    public DateTimeOffset? LastFailure { get; }

    /// <summary>The topic that the record came from, and goes back to.</summary>
    public string? Topic { get; }

    /// <summary>Its partition there.</summary>
    public int? Partition { get; }

    /// <summary>Its offset there.</summary>
    public long? Offset { get; }

    /// <summary>The message id: that of the original record, or the one that its consumer gave it; <see langword="null"/> when the letter has neither.</summary>
    public string? MessageId { get; }

    /// <summary>The host that gave the message up.</summary>
    public string? Host { get; }

    /// <summary>The version of the SDK that wrote it.</summary>
    public string? SdkVersion { get; }

    /// <summary>The original record's time. UTC, to the millisecond; one that is beyond the calendar is its end.</summary>
    public DateTimeOffset Timestamp => DateTimeOffset.FromUnixTimeMilliseconds(
        Math.Clamp(TimestampMs, DateTimeOffset.MinValue.ToUnixTimeMilliseconds(), DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));

    /// <summary>Whether it has been redriven since.</summary>
    public bool IsRedriven { get; internal set; }

    /// <summary>Why it can't be redriven, as a sentence: the record is no dead letter, or does not say where it came from; <see langword="null"/> when it can.</summary>
    public string? Problem { get; }

    /// <summary>Where it stands, and never what it holds: a log may show this.</summary>
    public override string ToString() => $"dead letter {Position}";

    /// <summary>Whether the original record named its id itself. An empty one counts as none, as it does for a consumer.</summary>
    internal bool HasOwnId { get; }

    internal long TimestampMs { get; }

    /// <summary>Reads a record of the dead-letter topic, whatever it holds.</summary>
    internal static DeadLetterRecord Read(ConsumeResult<byte[]?, byte[]?> record) => new(record);

    /// <summary>The detail as text, or <see langword="null"/> when it is not there or no UTF-8: a group's name that was mended would be nobody's.</summary>
    private string? Text(string name)
    {
        try
        {
            return _details.TryGetValue(name, out var bytes) ? StrictUtf8.GetString(bytes) : null;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private long? Number(string name, long max) =>
        long.TryParse(Text(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= max ? number : null;

    private DateTimeOffset? Time(string name) =>
        DateTimeOffset.TryParse(Text(name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;

    /// <summary>The id that a consumer gives a record without one.</summary>
    private string? PlaceAsId() =>
        Topic is not null && Partition is not null && Offset is not null ? string.Create(CultureInfo.InvariantCulture, $"{Topic}-{Partition}-{Offset}") : null;

    /// <summary>The letter's own time may be that of its writing, so what it says of the original's goes first; one beyond the calendar stands nowhere else.</summary>
    private long TimestampOf(Timestamp own) =>
        Time(DeadLetterHeaders.Timestamp) is { Year: > 1 and < 9999 } said ? said.ToUnixTimeMilliseconds() : own.UnixTimestampMs;

    private string? ProblemOf(string deadLetterTopic)
    {
        if (_details.Count == 0)
            return "it has none of a dead letter's headers.";
        if (string.IsNullOrEmpty(Topic))
            return $"it does not say which topic it came from ({DeadLetterHeaders.Topic}).";
        if (KafkaRules.Topic("", Topic).Any())
            return $"{DeadLetterHeaders.Topic} is no name of a topic.";
        if (Topic == deadLetterTopic)
            return $"{DeadLetterHeaders.Topic} names the dead-letter topic itself.";
        if (string.IsNullOrEmpty(Group))
            return $"it does not say which consumer group failed ({DeadLetterHeaders.ConsumerGroup}).";
        if (Partition is null && _details.ContainsKey(DeadLetterHeaders.Partition))
            return $"{DeadLetterHeaders.Partition} is no number.";
        if (MessageId is null)
            return $"it has no message id ({DeadLetterHeaders.MessageId}), and a duplicate of it could not be recognised.";

        return null;
    }

    [return: NotNullIfNotNull(nameof(bytes))]
    private static ReadOnlyMemory<byte>? Memory(byte[]? bytes) => bytes is null ? default(ReadOnlyMemory<byte>?) : bytes;
}
