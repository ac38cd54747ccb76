using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// Reads a CloudEvent as it comes over HTTP: in binary mode, attributes in <c>ce-*</c> headers and the payload as the body, or in structured mode, JSON around the payload. Attributes go on as the record headers that
/// CloudEvents has for Kafka; <c>partitionkey</c> is the message's key.
/// </summary>
/// <remarks>See the CloudEvents HTTP protocol binding 1.0.2, sections 3.1 and 3.2, and the JSON event format 1.0.2.</remarks>
internal sealed partial class CloudEventReader
{
    private const string Prefix = "ce-";
    private const int MaxAttributes = 100;
    private const int LongestName = 64;

    private static readonly string[] Required = ["specversion", "id", "source", "type"];

    private readonly CloudSyncIngestOptions _limits;
    private readonly FieldErrors _errors = new();

    /// <summary>In front of an attribute's name where an error names it.</summary>
    private readonly string _place;

    private CloudEventReader(string place, CloudSyncIngestOptions limits) => (_place, _limits) = (place, limits);

    /// <summary>Whether a request is an event in binary mode.</summary>
    public static bool IsBinary(IHeaderDictionary headers) => headers.Keys.Any(name => name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads an event in binary mode.</summary>
    public static ReadMessage ReadBinary(IHeaderDictionary headers, ReadOnlyMemory<byte> body, CloudSyncIngestOptions limits)
    {
        var reader = new CloudEventReader(Prefix, limits);
        var attributes = new List<MessageHeader>();
        foreach (var (header, values) in headers)
        {
            if (!header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
                continue;

            var name = header[Prefix.Length..].ToLowerInvariant();
            if (!reader.IsName(name, header))
                continue;

            if (values.Count > 1)
                reader._errors.Add(header, "is given twice");
            else if (Decode(values[0] ?? "") is { } value)
                attributes.Add(new MessageHeader(HeaderOf(name), value));
            else
                reader._errors.Add(header, "is not percent-encoded UTF-8, as CloudEvents says for headers");
        }

        foreach (var name in Required)
            if (!attributes.Any(a => a.Name == HeaderOf(name)))
                reader._errors.Add(Prefix + name, "is missing; a CloudEvent must have it");

        var contentType = headers.ContentType.Count == 0 ? "application/octet-stream" : headers.ContentType.ToString();
        attributes.Add(new MessageHeader(CloudEvents.ContentType, Encoding.UTF8.GetBytes(contentType)));
        return reader.Message(attributes, body);
    }

    /// <summary>Reads an event in structured mode.</summary>
    /// <param name="json">The event.</param>
    /// <param name="place">Where in the body it is.</param>
    /// <param name="limits">How long things may be.</param>
    public static ReadMessage ReadStructured(ReadOnlyMemory<byte> json, ItemPlace place, CloudSyncIngestOptions limits)
    {
        if (json.Span.StartsWith("\uFEFF"u8))
            json = json[3..];

        var reader = new CloudEventReader(place.Of(""), limits);
        if (!Utf8.IsValid(json.Span))
            reader._errors.AddBroken(place.All, "is not valid UTF-8");
        else if (json.IsEmpty)
            reader._errors.Add(place.All, "is empty");
        else
            reader.Check(json.Span, place);

        if (reader._errors.All.Count > 0)
            return new ReadMessage(default, reader._errors.All, reader._errors.IsBroken);

        // As the consumer reads it from a record, so that an event is the same whichever way it came. What it does not know for one comes back without attributes.
        var read = StructuredEvent.Read(json, default);
        if (read.Headers.GetString(CloudEvents.Id) is null)
            reader._errors.Add(place.All, "is no CloudEvent in JSON");
        return reader.Message(read.Headers, read.Value);
    }

    /// <summary>All that is wrong with an event but for what its attributes say, which both modes have in common.</summary>
    private void Check(ReadOnlySpan<byte> utf8, ItemPlace place)
    {
        try
        {
            var json = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = _limits.MaxDepth });
            json.Read();
            if (json.TokenType == JsonTokenType.StartObject)
                CheckFields(ref json);
            else
                _errors.Add(place.All, "must be a CloudEvent, an object");

            json.Skip();
            while (json.Read())
            {
            }
        }
        catch (JsonException e)
        {
            _errors.AddBroken(place, e, _limits.MaxDepth);
        }
    }

    private void CheckFields(ref Utf8JsonReader json)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (json.Read() && json.TokenType != JsonTokenType.EndObject)
        {
            var name = SyncRequestReader.TextOf(ref json) ?? "\uFFFD";
            var path = _place + FieldErrors.Shortened(name);
            json.Read();
            if (!seen.Add(name))
                _errors.Add(path, "is given twice");
            else if (seen.Count > MaxAttributes)
                _errors.Add(path, $"is one attribute more than the limit of {MaxAttributes}", MaxAttributes);
            else if (name == "data_base64")
                CheckBase64(ref json, path);
            else if (name != "data" && IsName(name, path))
                CheckValue(ref json, name, path);
            json.Skip();
        }

        if (seen.Contains("data") && seen.Contains("data_base64"))
            _errors.Add(_place + "data_base64", "stands beside data; an event has one of them");
        foreach (var name in Required)
            if (!seen.Contains(name))
                _errors.Add(_place + name, "is missing; a CloudEvent must have it");
    }

    private void CheckBase64(ref Utf8JsonReader json, string path)
    {
        // A text that is none makes the reader throw where it would read base64 from it.
        var isText = json.TokenType == JsonTokenType.String && SyncRequestReader.TextOf(ref json) is not null;
        if (json.TokenType != JsonTokenType.Null && !(isText && json.TryGetBytesFromBase64(out _)))
            _errors.Add(path, "must be base64 in a string");
    }

    private void CheckValue(ref Utf8JsonReader json, string name, string path)
    {
        if (json.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            _errors.Add(path, "must be a string, a number, true or false");
        else if (json.TokenType == JsonTokenType.String && SyncRequestReader.TextOf(ref json) is null)
            _errors.Add(path, "holds half of a surrogate pair, which is no text");
        else if (json.TokenType != JsonTokenType.String && Required.Contains(name))
            _errors.Add(path, "must be a string");
        else if (name == "specversion" && !json.ValueTextEquals(CloudEvents.SpecVersionValue))
            _errors.Add(path, $"must be {CloudEvents.SpecVersionValue}");
        else if (json.TokenType == JsonTokenType.String && json.ValueSpan.IsEmpty)
            _errors.Add(path, "is empty; leave it out instead");
        else if (json.TokenType is not (JsonTokenType.String or JsonTokenType.Null) && name is ("time" or "datacontenttype" or "correlationid" or "partitionkey"))
            _errors.Add(path, "must be a string or null");
    }

    private bool IsName(string name, string path)
    {
        if (name.Length is > 0 and <= LongestName && name.All(c => c is >= 'a' and <= 'z' or >= '0' and <= '9'))
            return true;

        _errors.Add(FieldErrors.Shortened(path), $"is no attribute's name: 1 to {LongestName} lower-case letters and digits");
        return false;
    }

    /// <summary>The message that attributes and payload make.</summary>
    private ReadMessage Message(IEnumerable<MessageHeader> attributes, ReadOnlyMemory<byte> payload)
    {
        var message = new OutgoingMessage(payload);
        var others = new List<MessageHeader>();
        foreach (var attribute in attributes)
        {
            var text = attribute.ValueAsString;
            var name = attribute.Name == CloudEvents.ContentType ? "datacontenttype" : attribute.Name.StartsWith("ce_", StringComparison.Ordinal) ? attribute.Name[3..] : attribute.Name;
            var limit = name is "id" or "type" or "correlationid" ? _limits.MaxIdBytes : _limits.MaxKeyBytes;
            if (TextRules.WhatIsWrongWith(text, limit, travelsAsHeader: name != "partitionkey") is { } error)
            {
                _errors.Add(_place + name, error.Detail, error.Limit);
                continue;
            }

            switch (name)
            {
                case "specversion":
                    if (text != CloudEvents.SpecVersionValue)
                        _errors.Add(_place + name, $"must be {CloudEvents.SpecVersionValue}");
                    break;
                case "id":
                    message = message with { Id = text };
                    break;
                case "source":
                    if (!UriReference.IsOne(text))
                        _errors.Add(_place + name, "must be a URI reference, such as /orders or https://example.com/orders");
                    message = message with { Source = text };
                    break;
                case "type":
                    message = message with { Type = text };
                    break;
                case "time":
                    if (TimeOf(text) is { } time)
                        message = message with { Time = time };
                    else
                        _errors.Add(_place + name, "must be a time after RFC 3339, such as 2026-01-31T12:00:00Z");
                    break;
                case "datacontenttype":
                    message = message with { ContentType = text };
                    break;
                case "correlationid":
                    message = message with { CorrelationId = text };
                    break;
                case "partitionkey":
                    message = message with { Key = text };
                    break;
                default:
                    others.Add(attribute);
                    break;
            }
        }

        return new ReadMessage(message with { Headers = others.Count > 0 ? others : null }, _errors.All, _errors.IsBroken);
    }

    private static string HeaderOf(string attribute) => attribute is CloudEvents.TraceParent or CloudEvents.TraceState ? attribute : "ce_" + attribute;

    /// <summary>A time after RFC 3339, which allows any number of digits after the second (Go writes nine): those that .NET has no room for are cut.</summary>
    private static DateTimeOffset? TimeOf(string text) =>
        Rfc3339().Match(text.ToUpperInvariant()) is { Success: true } match
        && DateTimeOffset.TryParseExact(
            $"{match.Groups["second"].ValueSpan}{match.Groups["fraction"].ValueSpan}{match.Groups["offset"].ValueSpan}",
            "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)
            ? time
            : null;

    [GeneratedRegex(@"\A(?<second>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:(?<fraction>\.[0-9]{1,7})[0-9]*)?(?<offset>Z|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex Rfc3339();

    /// <summary>The UTF-8 that a header's value stands for; <see langword="null"/> when it stands for none.</summary>
    private static byte[]? Decode(string value)
    {
        var utf8 = Encoding.UTF8.GetBytes(value.Length > 1 && value[0] == '"' && value[^1] == '"' ? value[1..^1] : value);
        var length = 0;
        for (var i = 0; i < utf8.Length; i++)
        {
            if (utf8[i] != (byte)'%')
                utf8[length++] = utf8[i];
            else if (i + 2 < utf8.Length && byte.TryParse(utf8.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out utf8[length]))
                (i, length) = (i + 2, length + 1);
            else
                return null;
        }

        var decoded = utf8[..length];
        return Utf8.IsValid(decoded) ? decoded : null;
    }
}
