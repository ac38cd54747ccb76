using System.Globalization;
using System.Text;

namespace CloudSync.Cli;

/// <summary>
/// Text that strangers wrote, as a terminal may show it. Whoever produces a message chooses its headers, its id, and through an endpoint's answer the reason of its failure:
/// none of them may move the cursor, colour, hide, turn round or forge a line.
/// </summary>
internal static class SafeText
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>One line. What a terminal does not simply show is written out, as <c>\u{1B}</c>.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="max">Characters at most; what is cut is marked.</param>
    public static string Line(string? text, int max = int.MaxValue)
    {
        var safe = new StringBuilder();
        foreach (var rune in (text ?? "").EnumerateRunes())
        {
            if (IsShown(rune))
                safe.Append(rune);
            else
                safe.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:X}}}");

            if (safe.Length > max)
                return string.Concat(safe.ToString().AsSpan(0, max - 1), "…");
        }

        return safe.ToString();
    }

    /// <summary>Bytes as one line: their text where they are UTF-8, else their number and the first of them in hex.</summary>
    public static string Line(ReadOnlyMemory<byte>? bytes, int max = int.MaxValue)
    {
        if (bytes is not { } value)
            return "(none)";

        return TryText(value.Span, out var text) ? Line(text, max) : $"({value.Length} bytes, not text) {Hex(value.Span)}";
    }

    /// <summary>A payload, line by line: text where it is, else hex. At most so many bytes.</summary>
    public static IEnumerable<string> Lines(ReadOnlyMemory<byte> payload, int maxBytes)
    {
        var shown = payload[..Math.Min(payload.Length, maxBytes)];
        if (TryText(WholeCharacters(shown).Span, out var text) && !text.Any(c => char.IsControl(c) && c is not ('\n' or '\r' or '\t')))
        {
            foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
                yield return Line(line.Replace("\t", "    ", StringComparison.Ordinal));
        }
        else
        {
            for (var at = 0; at < shown.Length; at += 32)
                yield return Convert.ToHexString(shown.Span[at..Math.Min(shown.Length, at + 32)]);
        }

        if (shown.Length < payload.Length)
            yield return string.Create(CultureInfo.InvariantCulture, $"… {payload.Length - shown.Length:N0} more bytes");
    }

    private static bool IsShown(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);

    private static string Hex(ReadOnlySpan<byte> bytes) => bytes.Length <= 64 ? Convert.ToHexString(bytes) : Convert.ToHexString(bytes[..64]) + "…";

    /// <summary>Without a character that was cut in the middle.</summary>
    private static ReadOnlyMemory<byte> WholeCharacters(ReadOnlyMemory<byte> bytes)
    {
        var end = bytes.Length;
        while (end > 0 && bytes.Length - end < 3 && (bytes.Span[end - 1] & 0xC0) == 0x80)
            end--;

        // The byte that begins a character says how long it is.
        if (end == 0 || bytes.Span[end - 1] < 0xC0)
            return bytes;

        var length = bytes.Span[end - 1] >= 0xF0 ? 4 : bytes.Span[end - 1] >= 0xE0 ? 3 : 2;
        return bytes.Length - (end - 1) < length ? bytes[..(end - 1)] : bytes;
    }

    private static bool TryText(ReadOnlySpan<byte> bytes, out string text)
    {
        try
        {
            text = StrictUtf8.GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            text = "";
            return false;
        }
    }
}
