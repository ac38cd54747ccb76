using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace CloudSync.Sdk;

/// <summary>Whether a payload can stand as JSON within an event, in place of base64.</summary>
internal static class JsonPayload
{
    /// <summary>
    /// How deep a payload may be nested for that. Many readers, the platform's among them, stop at 64 levels, and a batch and its event are two: one deep payload would make the whole batch unreadable.
    /// </summary>
    public const int MaxDepth = 62;

    private static readonly SearchValues<byte> FirstBytes = SearchValues.Create("{[\"-0123456789tfn \t\r\n"u8);

    /// <summary>Whether a media type is JSON's: <c>application/json</c>, <c>…/json</c> or <c>…+json</c>, whatever its parameters.</summary>
    public static bool IsJsonType(string? contentType)
    {
        var type = contentType.AsSpan();
        var parameters = type.IndexOf(';');
        type = (parameters < 0 ? type : type[..parameters]).Trim();
        return type.EndsWith("/json", StringComparison.OrdinalIgnoreCase) || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The same of a text in UTF-8.</summary>
    public static bool IsJsonType(ReadOnlySpan<byte> contentType) => contentType.SequenceEqual("application/json"u8) || IsJsonType(Encoding.UTF8.GetString(contentType));

    /// <summary>
    /// Whether the bytes are one JSON value that can stand inside another. The reader does not look into its strings, so their UTF-8 is checked first: one
    /// broken byte would spoil all around it.
    /// </summary>
    public static bool IsJson(ReadOnlySpan<byte> payload)
    {
        // The first byte tells most of what is none: the reader would throw, which costs more than all the rest.
        if (payload.IsEmpty || !FirstBytes.Contains(payload[0]) || !Utf8.IsValid(payload))
            return false;

        try
        {
            var reader = new Utf8JsonReader(payload, new JsonReaderOptions { MaxDepth = MaxDepth });
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
