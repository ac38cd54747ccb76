using System.Globalization;
using System.Text.Json;

namespace CloudSync.Sdk.Ingest;

/// <summary>Where in a body a message stands, as an error names it. Nothing is put into words before there is an error.</summary>
/// <param name="Index">Of the item, from 0; <see langword="null"/> when the message is the whole body.</param>
/// <param name="Line">The line of the body that it begins on, from 1; 0 where nobody has counted them.</param>
internal readonly record struct ItemPlace(int? Index, long Line)
{
    public static readonly ItemPlace Body = new(null, 1);

    /// <summary>The message as a whole: <c>body</c>, or such as <c>[3]</c>.</summary>
    public string All => Index is { } index ? string.Create(CultureInfo.InvariantCulture, $"[{index}]") : "body";

    /// <summary>A field of it.</summary>
    public string Of(string field) => Index is null ? field : $"{All}.{field}";

    /// <summary>Where in it the JSON breaks: in the body, or, where lines were not counted, in the item.</summary>
    public string Of(JsonException e) => Line > 0 ? $"line {Line + e.LineNumber}, byte {e.BytePositionInLine + 1}" : $"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1} of the item";
}
