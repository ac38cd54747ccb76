using System.Buffers;
using System.Net.Http.Headers;
using System.Text;

namespace CloudSync.Sdk;

/// <summary>What a header may hold, and how text is written that it may not.</summary>
internal static class HeaderText
{
    private const string Hex = "0123456789ABCDEF";

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> Token68Characters =
        SearchValues.Create("-._~+/=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>Visible ASCII without what stands for itself no longer: space, <c>"</c> and <c>%</c>.</summary>
    private static readonly SearchValues<char> PlainCharacters =
        SearchValues.Create([.. Enumerable.Range(0x21, 0x7E - 0x21 + 1).Select(c => (char)c).Where(c => c is not ('"' or '%'))]);

    private static readonly SearchValues<char> ValueCharacters =
        SearchValues.Create([.. Enumerable.Range(0x20, 0x7E - 0x20 + 1).Select(c => (char)c)]);

    /// <summary>
    /// Writes a text as CloudEvents does in a header (HTTP binding 1.0.2, section 3.1.3.2): space, <c>"</c>, <c>%</c> and everything that is not visible
    /// ASCII becomes <c>%XX</c> for each byte of its UTF-8. No text can end a header or begin another.
    /// </summary>
    public static string Encode(string text)
    {
        var plain = text.AsSpan().IndexOfAnyExcept(PlainCharacters);
        if (plain < 0)
            return text;

        var encoded = new StringBuilder(text.Length + 16).Append(text, 0, plain);
        foreach (var b in Encoding.UTF8.GetBytes(text, plain, text.Length - plain))
        {
            if (PlainCharacters.Contains((char)b))
                encoded.Append((char)b);
            else
                encoded.Append('%').Append(Hex[b >> 4]).Append(Hex[b & 0xF]);
        }

        return encoded.ToString();
    }

    /// <summary>Whether a text can be a header's name.</summary>
    public static bool IsName(string text) => text.Length > 0 && text.AsSpan().IndexOfAnyExcept(NameCharacters) < 0;

    /// <summary>Where a text holds something that a header's value can't carry as it is; -1 for nowhere. Spaces at the ends would be lost, so they count.</summary>
    public static int IndexOfForbidden(string text)
    {
        var at = text.AsSpan().IndexOfAnyExcept(ValueCharacters);
        if (at < 0 && text.EndsWith(' '))
            return text.Length - 1;
        return at < 0 && text.StartsWith(' ') ? 0 : at;
    }

    /// <summary>Whether a text can be a token in <c>Authorization: Bearer</c> (RFC 6750).</summary>
    public static bool IsToken68(string text) => text.Length > 0 && text.AsSpan().IndexOfAnyExcept(Token68Characters) < 0;

    /// <summary>Whether UTF-8 is a media type, and one that a header can carry.</summary>
    public static bool IsMediaType(ReadOnlySpan<byte> utf8) =>
        utf8.SequenceEqual("application/json"u8) || utf8.SequenceEqual("application/octet-stream"u8) || IsMediaType(Encoding.UTF8.GetString(utf8));

    /// <summary>Whether a text is a media type, and one that a header can carry.</summary>
    public static bool IsMediaType(string? text) =>
        !string.IsNullOrEmpty(text) && IndexOfForbidden(text) < 0 && MediaTypeHeaderValue.TryParse(text, out _);
}
