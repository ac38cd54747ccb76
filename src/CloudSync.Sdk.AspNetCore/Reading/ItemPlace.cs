using System.Text.Json;

namespace CloudSync.Sdk.Ingest;

/// <summary>Where in a body a message stands, as an error names it.</summary>
/// <param name="Path">Such as <c>[3]</c>; empty when the message is the whole body.</param>
/// <param name="Line">The line of the body that it begins on, from 1; 0 where nobody has counted them.</param>
internal readonly record struct ItemPlace(string Path, long Line)
{
    public static readonly ItemPlace Body = new("", 1);

    /// <summary>The message as a whole.</summary>
    public string All => Path.Length == 0 ? "body" : Path;

    /// <summary>A field of it.</summary>
    public string Of(string field) => Path.Length == 0 ? field : $"{Path}.{field}";

    /// <summary>Where in it the JSON breaks: in the body, or, where lines were not counted, in the item.</summary>
    public string Of(JsonException e) => Line > 0 ? $"line {Line + e.LineNumber}, byte {e.BytePositionInLine + 1}" : $"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1} of the item";
}
