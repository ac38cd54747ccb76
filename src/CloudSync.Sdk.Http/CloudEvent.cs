using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace CloudSync.Sdk;

/// <summary>A message as CloudEvents 1.0 sees it: every attribute that the specification requires is there, with a default where the record has none.</summary>
internal readonly struct CloudEvent
{
    /// <summary>An extension of ours: the record's value is null, 'delete this key'. An empty payload does not have it.</summary>
    public const string Tombstone = "cloudsynctombstone";

    /// <summary>The partitioning extension: the record's key.</summary>
    public const string PartitionKey = "partitionkey";

    private const string DefaultType = "cloudsync.message";

    /// <summary>The last millisecond of the year 9999. Producers that stamp microseconds exist.</summary>
    private const long LastTimestampMs = 253_402_300_799_999;

    private CloudEvent(SyncMessage message, string defaultContentType)
    {
        Message = message;
        Id = message.Id;
        Source = message.Source is { Length: > 0 } source ? source : "kafka://" + Uri.EscapeDataString(message.Topic);
        Type = message.Type is { Length: > 0 } type ? type : DefaultType;
        Time = TimeOf(message);
        var contentType = message.ContentType;
        ContentType = HeaderText.IsMediaType(contentType) ? contentType : message.IsTombstone ? null : defaultContentType;
        Extensions = ExtensionsOf(message);
    }

    public SyncMessage Message { get; }

    /// <summary>The message's id. Never empty.</summary>
    public string Id { get; }

    /// <summary><c>kafka://{topic}</c> when the record names none.</summary>
    public string Source { get; }

    /// <summary><c>cloudsync.message</c> when the record names none.</summary>
    public string Type { get; }

    /// <summary>RFC 3339; the record's timestamp when the record has no readable time, and <see langword="null"/> when it has neither.</summary>
    public string? Time { get; }

    /// <summary>The media type of the payload; <see langword="null"/> only for a tombstone whose record names none.</summary>
    public string? ContentType { get; }

    /// <summary>Further attributes, by names of lower-case letters and digits, each once, none empty.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Extensions { get; }

    public static CloudEvent Of(SyncMessage message, string defaultContentType) => new(message, defaultContentType);

    private static string? TimeOf(SyncMessage message)
    {
        if (message.Time is not { } time)
        {
            if (message.TimestampMs is <= 0 or > LastTimestampMs)
                return null;
            time = message.Timestamp;
        }

        return time.Offset == TimeSpan.Zero
            ? time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture)
            : time.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture);
    }

    private static List<KeyValuePair<string, string>> ExtensionsOf(SyncMessage message)
    {
        var extensions = new List<KeyValuePair<string, string>>();
        foreach (var header in message.Headers)
        {
            if (header.Value is { IsEmpty: false } && header.Name.StartsWith("ce_", StringComparison.Ordinal) && NameOf(header.Name) is { } name)
                Set(extensions, name, header.ValueAsString);
        }

        // The order that we keep is the order of the record's key, so the key goes before a partitionkey that the producer wrote.
        if (message.Key is { IsEmpty: false } key && Utf8.IsValid(key.Span))
            Set(extensions, PartitionKey, Encoding.UTF8.GetString(key.Span));

        return extensions;
    }

    /// <summary>
    /// The attribute that a record's header stands for; <see langword="null"/> for one that is written by itself, and for a name that CloudEvents does not
    /// allow. <c>data</c> is none of them: as an attribute it would take the payload's place in JSON.
    /// </summary>
    private static string? NameOf(string header)
    {
        var name = header["ce_".Length..];
        if (name.Length == 0 || !name.All(char.IsAsciiLetterOrDigit))
            return null;

        name = name.ToLowerInvariant();
        return name is "specversion" or "id" or "source" or "type" or "time" or "datacontenttype" or "data" or Tombstone ? null : name;
    }

    /// <summary>Kafka allows a name twice, JSON and an attribute do not. The last one counts, as Kafka's own clients read it.</summary>
    private static void Set(List<KeyValuePair<string, string>> extensions, string name, string value)
    {
        var at = extensions.FindIndex(e => e.Key == name);
        if (at >= 0)
            extensions[at] = new(name, value);
        else
            extensions.Add(new(name, value));
    }
}
