using System.Globalization;
using System.Text;

namespace CloudSync.Sdk;

/// <summary>Offsets as a marker writes them: ranges with both ends, ascending, <c>5-120,130</c>. Pure.</summary>
internal static class OffsetRanges
{
    /// <param name="offsets">In any order; each may be there several times.</param>
    public static string Format(IEnumerable<long> offsets)
    {
        var text = new StringBuilder();
        long first = -1, last = -1;
        foreach (var offset in offsets.Order())
        {
            if (first >= 0 && offset <= last + 1)
            {
                last = offset;
                continue;
            }

            End();
            (first, last) = (offset, offset);
        }

        End();
        return text.ToString();

        void End()
        {
            if (first < 0)
                return;

            text.Append(text.Length == 0 ? "" : ",").Append(first.ToString(CultureInfo.InvariantCulture));
            if (last > first)
                text.Append('-').Append(last.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Reads what <see cref="Format"/> writes, and nothing else: what came in any order, or twice, could cost a multiple of what it covers.</summary>
    /// <returns>Whether the whole text could be read. What can't be read marks nothing: its letters are sent once more, with their ids.</returns>
    public static bool TryParse(string text, out List<(long First, long Last)> ranges)
    {
        ranges = [];
        var end = -1L;
        foreach (var part in text.Split(','))
        {
            var dash = part.IndexOf('-', StringComparison.Ordinal);
            if (!TryOffset(dash < 0 ? part : part.AsSpan(0, dash), out var first))
                return false;

            var last = first;
            if (dash >= 0 && (!TryOffset(part.AsSpan(dash + 1), out last) || last < first))
                return false;

            // Ascending, with a gap before each: two that touch would have been written as one.
            if (end >= 0 && first - 1 <= end)
                return false;

            ranges.Add((first, last));
            end = last;
        }

        return true;
    }

    private static bool TryOffset(ReadOnlySpan<char> text, out long offset) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out offset);
}
