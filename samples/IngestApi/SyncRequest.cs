using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace IngestApi;

/// <summary>One message as it was posted.</summary>
/// <param name="Id">The id; <see langword="null"/> when the caller left it to us.</param>
/// <param name="Key">The key; <see langword="null"/> for none.</param>
/// <param name="Data">The raw UTF-8 of <c>data</c>, a part of the body.</param>
/// <param name="CorrelationId">What the message belongs to.</param>
/// <param name="Type">CloudEvents <c>type</c>.</param>
internal readonly record struct SyncRequest(string? Id, string? Key, ReadOnlyMemory<byte> Data, string? CorrelationId, string? Type);

/// <summary>Why a body is refused: which field, what is wrong with it, and the limit where there is one.</summary>
internal sealed record FieldError(string Field, string Detail, long? Limit = null);

/// <summary>
/// Reads a body without building a document: <c>data</c> is skipped over and handed on byte for byte. All that is wrong is found in one go, and nothing of
/// a body is produced unless all of it is right.
/// </summary>
internal sealed class SyncRequestReader(ReadOnlyMemory<byte> body, IngestOptions limits)
{
    private const int MaxErrors = 10;
    private static readonly string[] Fields = ["id", "key", "data", "correlationId", "type"];

    private readonly List<SyncRequest> _requests = [];
    private readonly List<FieldError> _errors = [];

    public IReadOnlyList<SyncRequest> Requests => _requests;

    public IReadOnlyList<FieldError> Errors => _errors;

    public static SyncRequestReader Read(ReadOnlyMemory<byte> body, bool batch, IngestOptions limits)
    {
        if (body.Span.StartsWith("\uFEFF"u8))
            body = body[3..];

        var reader = new SyncRequestReader(body, limits);
        if (body.IsEmpty)
            reader.Refuse("body", "is empty");
        else if (!Utf8.IsValid(body.Span))
            reader.Refuse("body", "is not valid UTF-8");
        else
            reader.Read(batch);
        return reader;
    }

    private void Read(bool batch)
    {
        try
        {
            var json = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = limits.MaxDepth });
            json.Read();
            if (batch)
                ReadMessages(ref json);
            else
                ReadMessage(ref json, "");

            while (json.Read())
            {
            }
        }
        catch (JsonException e)
        {
            // The exception's own text quotes the body, so only the place is taken from it.
            Refuse(
                "body",
                $"is not valid JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}, or nested deeper than {limits.MaxDepth} levels there",
                limits.MaxDepth);
        }
    }

    private void ReadMessages(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.StartArray)
        {
            Refuse("body", "must be an array of messages");
            json.Skip();
            return;
        }

        var index = 0;
        for (; json.Read() && json.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index < limits.MaxBatchItems)
                ReadMessage(ref json, $"[{index}]");
            else
                json.Skip();
        }

        if (index == 0)
            Refuse("body", "must hold at least one message");
        else if (index > limits.MaxBatchItems)
            Refuse("body", $"holds {index} messages, more than the limit of {limits.MaxBatchItems}", limits.MaxBatchItems);
    }

    private void ReadMessage(ref Utf8JsonReader json, string place)
    {
        if (json.TokenType != JsonTokenType.StartObject)
        {
            Refuse(place.Length == 0 ? "body" : place, "must be an object with the field data");
            json.Skip();
            return;
        }

        string? id = null, key = null, correlationId = null, type = null;
        ReadOnlyMemory<byte>? data = null;
        var seen = 0;
        while (json.Read() && json.TokenType != JsonTokenType.EndObject)
        {
            var name = TextOf(ref json) ?? "\uFFFD";
            json.Read();
            var field = Array.IndexOf(Fields, name);
            var path = place.Length == 0 ? Shortened(name) : $"{place}.{Shortened(name)}";
            if (field < 0)
            {
                Refuse(path, $"is unknown; the fields are {string.Join(", ", Fields)}");
                json.Skip();
                continue;
            }

            if ((seen & (1 << field)) != 0)
                Refuse(path, "is given twice");
            seen |= 1 << field;

            switch (name)
            {
                case "data":
                    var start = (int)json.TokenStartIndex;
                    json.Skip();
                    data = body[start..(int)json.BytesConsumed];
                    break;
                case "id":
                    id = ReadText(ref json, path, limits.MaxIdBytes, travelsAsHeader: true);
                    break;
                case "key":
                    key = ReadText(ref json, path, limits.MaxKeyBytes, travelsAsHeader: false);
                    break;
                case "correlationId":
                    correlationId = ReadText(ref json, path, limits.MaxIdBytes, travelsAsHeader: true);
                    break;
                case "type":
                    type = ReadText(ref json, path, limits.MaxIdBytes, travelsAsHeader: true);
                    break;
            }
        }

        if (data is { } value)
            _requests.Add(new SyncRequest(id, key, value, correlationId, type));
        else
            Refuse(place.Length == 0 ? "data" : $"{place}.data", "is missing; it may be any JSON, null included");
    }

    private string? ReadText(ref Utf8JsonReader json, string path, int maxBytes, bool travelsAsHeader)
    {
        if (json.TokenType == JsonTokenType.Null)
            return null;

        if (json.TokenType != JsonTokenType.String)
        {
            Refuse(path, "must be a string or null");
            json.Skip();
            return null;
        }

        var text = TextOf(ref json);
        if (text is null)
            Refuse(path, "holds half of a surrogate pair, which is no text");
        else if (WhatIsWrongWith(text, maxBytes, travelsAsHeader) is { } error)
            Refuse(path, error.Detail, error.Limit);
        return text;
    }

    /// <summary>What is wrong with an id, a key and the like; <see langword="null"/> when nothing is.</summary>
    internal static (string Detail, long? Limit)? WhatIsWrongWith(string text, int maxBytes, bool travelsAsHeader)
    {
        if (text.Length == 0)
            return ("is empty; leave it out instead", null);
        if (Encoding.UTF8.GetByteCount(text) is var bytes && bytes > maxBytes)
            return ($"is {bytes} bytes long, more than the limit of {maxBytes}", maxBytes);
        if (!travelsAsHeader)
            return null;
        if (text.Any(char.IsControl))
            return ("holds a control character", null);
        if (char.IsWhiteSpace(text[0]) || char.IsWhiteSpace(text[^1]))
            return ("begins or ends with white space, which a header loses on its way", null);
        return null;
    }

    // JSON can spell half of a surrogate pair ("\ud800"); there is no string for it, and the reader says so with this exception.
    private static string? TextOf(ref Utf8JsonReader json)
    {
        try
        {
            return json.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static string Shortened(string name) => name.Length <= 64 ? name : string.Concat(name.AsSpan(0, 64), "…");

    private void Refuse(string field, string detail, long? limit = null)
    {
        if (_errors.Count < MaxErrors)
            _errors.Add(new FieldError(field, detail, limit));
    }
}
