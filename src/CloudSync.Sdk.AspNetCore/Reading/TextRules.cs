using System.Buffers;
using System.Text;

namespace CloudSync.Sdk.Ingest;

/// <summary>What an id, a key and the like may be.</summary>
internal static class TextRules
{
    private static readonly SearchValues<char> Controls = SearchValues.Create([.. Enumerable.Range(0, char.MaxValue + 1).Select(c => (char)c).Where(char.IsControl)]);

    /// <summary>What is wrong with a text; <see langword="null"/> when nothing is.</summary>
    public static (string Detail, long? Limit)? WhatIsWrongWith(string text, int maxBytes, bool travelsAsHeader)
    {
        if (text.Length == 0)
            return ("is empty; leave it out instead", null);
        if (Encoding.UTF8.GetByteCount(text) is var bytes && bytes > maxBytes)
            return ($"is {bytes} bytes long, more than the limit of {maxBytes}", maxBytes);
        if (!travelsAsHeader)
            return null;
        if (text.AsSpan().ContainsAny(Controls))
            return ("holds a control character", null);
        if (char.IsWhiteSpace(text[0]) || char.IsWhiteSpace(text[^1]))
            return ("begins or ends with white space, which a header loses on its way", null);
        return null;
    }
}
