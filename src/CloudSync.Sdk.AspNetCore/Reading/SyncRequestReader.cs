using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// Reads <c>{ id?, key?, data, correlationId?, type? }</c> without building a document: <c>data</c> is skipped over and handed on byte for byte. All that is wrong is found in one go.
/// </summary>
internal ref struct SyncRequestReader
{
    private const int NoField = -1;

    // In the order of Field.
    private static readonly string[] Fields = ["id", "key", "data", "correlationId", "type"];
    private static readonly byte[][] FieldNames = [.. Fields.Select(Encoding.UTF8.GetBytes)];

    private readonly ReadOnlyMemory<byte> _json;
    private readonly ItemPlace _place;
    private readonly CloudSyncIngestOptions _limits;

    /// <summary>Made for who needs it, which is hardly any message.</summary>
    private FieldErrors? _errors;

    private SyncRequestReader(ReadOnlyMemory<byte> json, ItemPlace place, CloudSyncIngestOptions limits) => (_json, _place, _limits) = (json, place, limits);

    private enum Field
    {
        Id,
        Key,
        Data,
        CorrelationId,
        Type,
    }

    /// <summary>Reads one message.</summary>
    /// <param name="json">A body, or an item of one.</param>
    /// <param name="place">Where in the body it is.</param>
    /// <param name="limits">How long things may be.</param>
    public static ReadMessage Read(ReadOnlyMemory<byte> json, ItemPlace place, CloudSyncIngestOptions limits)
    {
        var reader = new SyncRequestReader(json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json, place, limits);
        var message = reader.Read();
        return new ReadMessage(message, reader._errors?.All ?? [], reader._errors?.IsBroken == true);
    }

    private FieldErrors Errors => _errors ??= new FieldErrors();

    private OutgoingMessage Read()
    {
        OutgoingMessage message = default;
        if (_json.IsEmpty)
        {
            Errors.Add(_place.All, "is empty");
        }
        else if (!Utf8.IsValid(_json.Span))
        {
            Errors.AddBroken(_place.All, "is not valid UTF-8");
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
                Errors.AddBroken(_place, e, _limits.MaxDepth);
            }
        }

        return message;
    }

    private OutgoingMessage ReadFields(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.StartObject)
        {
            Errors.Add(_place.All, "must be an object with the field data");
            json.Skip();
            return default;
        }

        string? id = null, key = null, correlationId = null, type = null;
        ReadOnlyMemory<byte>? data = null;
        var seen = 0;
        while (json.Read() && json.TokenType != JsonTokenType.EndObject)
        {
            var field = FieldOf(ref json);
            if (field == NoField)
            {
                Errors.Add(_place.Of(FieldErrors.Shortened(TextOf(ref json) ?? "\uFFFD")), $"is unknown; the fields are {string.Join(", ", Fields)}");
                json.Skip();
                continue;
            }

            json.Read();
            if ((seen & (1 << field)) != 0)
                Errors.Add(_place.Of(Fields[field]), "is given twice");
            seen |= 1 << field;

            switch ((Field)field)
            {
                case Field.Data:
                    var start = (int)json.TokenStartIndex;
                    json.Skip();
                    data = _json[start..(int)json.BytesConsumed];
                    break;
                case Field.Id:
                    id = ReadText(ref json, Fields[field], _limits.MaxIdBytes, travelsAsHeader: true);
                    break;
                case Field.Key:
                    key = ReadText(ref json, Fields[field], _limits.MaxKeyBytes, travelsAsHeader: false);
                    break;
                case Field.CorrelationId:
                    correlationId = ReadText(ref json, Fields[field], _limits.MaxIdBytes, travelsAsHeader: true);
                    break;
                case Field.Type:
                    type = ReadText(ref json, Fields[field], _limits.MaxIdBytes, travelsAsHeader: true);
                    break;
            }
        }

        if (data is null)
            Errors.Add(_place.Of("data"), "is missing; it may be any JSON, null included");
        return new OutgoingMessage(data ?? default) { Id = id, Key = key, CorrelationId = correlationId, Type = type };
    }

    private string? ReadText(ref Utf8JsonReader json, string field, int maxBytes, bool travelsAsHeader)
    {
        if (json.TokenType == JsonTokenType.Null)
            return null;

        if (json.TokenType != JsonTokenType.String)
        {
            Errors.Add(_place.Of(field), "must be a string or null");
            json.Skip();
            return null;
        }

        var text = TextOf(ref json);
        if (text is null)
            Errors.Add(_place.Of(field), "holds half of a surrogate pair, which is no text");
        else if (TextRules.WhatIsWrongWith(text, maxBytes, travelsAsHeader) is { } error)
            Errors.Add(_place.Of(field), error.Detail, error.Limit);
        return text;
    }

    /// <summary>Which field the name is of. No text is made of it, unless it is written with escapes, as hardly anybody does.</summary>
    private static int FieldOf(ref Utf8JsonReader json)
    {
        if (json.ValueIsEscaped)
            return Array.IndexOf(Fields, TextOf(ref json));

        for (var i = 0; i < FieldNames.Length; i++)
            if (json.ValueSpan.SequenceEqual(FieldNames[i]))
                return i;
        return NoField;
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
