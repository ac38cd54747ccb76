using System.Text.Json;
using System.Text.Unicode;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// Reads <c>{ id?, key?, data, correlationId?, type? }</c> without building a document: <c>data</c> is skipped over and handed on byte for byte. All that is wrong is found in one go.
/// </summary>
internal sealed class SyncRequestReader
{
    private static readonly string[] Fields = ["id", "key", "data", "correlationId", "type"];

    private readonly ReadOnlyMemory<byte> _json;
    private readonly ItemPlace _place;
    private readonly CloudSyncIngestOptions _limits;
    private readonly FieldErrors _errors = new();

    private SyncRequestReader(ReadOnlyMemory<byte> json, ItemPlace place, CloudSyncIngestOptions limits) => (_json, _place, _limits) = (json, place, limits);

    /// <summary>Reads one message.</summary>
    /// <param name="json">A body, or an item of one.</param>
    /// <param name="place">Where in the body it is.</param>
    /// <param name="limits">How long things may be.</param>
    public static ReadMessage Read(ReadOnlyMemory<byte> json, ItemPlace place, CloudSyncIngestOptions limits)
    {
        var reader = new SyncRequestReader(json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json, place, limits);
        var message = reader.Read();
        return new ReadMessage(message, reader._errors.All, reader._errors.IsBroken);
    }

    private OutgoingMessage Read()
    {
        OutgoingMessage message = default;
        if (_json.IsEmpty)
        {
            _errors.Add(_place.All, "is empty");
        }
        else if (!Utf8.IsValid(_json.Span))
        {
            _errors.AddBroken(_place.All, "is not valid UTF-8");
        }
        else
        {
            try
            {
                var json = new Utf8JsonReader(_json.Span, new JsonReaderOptions { MaxDepth = _limits.MaxDepth });
                json.Read();
                message = ReadFields(ref json);
                while (json.Read())
                {
                }
            }
            catch (JsonException e)
            {
                _errors.AddBroken(_place, e, _limits.MaxDepth);
            }
        }

        return message;
    }

    private OutgoingMessage ReadFields(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.StartObject)
        {
            _errors.Add(_place.All, "must be an object with the field data");
            json.Skip();
            return default;
        }

        string? id = null, key = null, correlationId = null, type = null;
        ReadOnlyMemory<byte>? data = null;
        var seen = 0;
        while (json.Read() && json.TokenType != JsonTokenType.EndObject)
        {
            var name = TextOf(ref json) ?? "\uFFFD";
            json.Read();
            var field = Array.IndexOf(Fields, name);
            var path = _place.Of(FieldErrors.Shortened(name));
            if (field < 0)
            {
                _errors.Add(path, $"is unknown; the fields are {string.Join(", ", Fields)}");
                json.Skip();
                continue;
            }

            if ((seen & (1 << field)) != 0)
                _errors.Add(path, "is given twice");
            seen |= 1 << field;

            switch (name)
            {
                case "data":
                    var start = (int)json.TokenStartIndex;
                    json.Skip();
                    data = _json[start..(int)json.BytesConsumed];
                    break;
                case "id":
                    id = ReadText(ref json, path, _limits.MaxIdBytes, travelsAsHeader: true);
                    break;
                case "key":
                    key = ReadText(ref json, path, _limits.MaxKeyBytes, travelsAsHeader: false);
                    break;
                case "correlationId":
                    correlationId = ReadText(ref json, path, _limits.MaxIdBytes, travelsAsHeader: true);
                    break;
                case "type":
                    type = ReadText(ref json, path, _limits.MaxIdBytes, travelsAsHeader: true);
                    break;
            }
        }

        if (data is null)
            _errors.Add(_place.Of("data"), "is missing; it may be any JSON, null included");
        return new OutgoingMessage(data ?? default) { Id = id, Key = key, CorrelationId = correlationId, Type = type };
    }

    private string? ReadText(ref Utf8JsonReader json, string path, int maxBytes, bool travelsAsHeader)
    {
        if (json.TokenType == JsonTokenType.Null)
            return null;

        if (json.TokenType != JsonTokenType.String)
        {
            _errors.Add(path, "must be a string or null");
            json.Skip();
            return null;
        }

        var text = TextOf(ref json);
        if (text is null)
            _errors.Add(path, "holds half of a surrogate pair, which is no text");
        else if (TextRules.WhatIsWrongWith(text, maxBytes, travelsAsHeader) is { } error)
            _errors.Add(path, error.Detail, error.Limit);
        return text;
    }

    /// <summary>JSON can spell half of a surrogate pair ("\ud800"); there is no string for it, and the reader says so with this exception.</summary>
    internal static string? TextOf(ref Utf8JsonReader json)
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
}
