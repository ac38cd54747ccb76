using System.Globalization;
using CloudSync.Sdk.Settings;

namespace CloudSync.Cli;

/// <summary>A time on the command line: how long ago, or when.</summary>
internal static class TimeText
{
    private static readonly string[] Formats =
        ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd' 'HH:mm:ssK"];

    /// <summary>Reads <c>2h</c>, <c>90s</c>, <c>1d</c> as so long before now, and RFC 3339; without an offset it is UTC.</summary>
    public static bool TryRead(string text, DateTimeOffset now, out DateTimeOffset time)
    {
        if (DateTimeOffset.TryParseExact(
            text.Trim(), Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time))
            return true;

        if (!text.Contains(':', StringComparison.Ordinal) && SettingText.TryRead(text, typeof(TimeSpan), out var ago)
            && (TimeSpan)ago >= TimeSpan.Zero && now - DateTimeOffset.MinValue > (TimeSpan)ago)
        {
            time = now - (TimeSpan)ago;
            return true;
        }

        return false;
    }

    /// <summary>As it is shown: UTC, to the second.</summary>
    public static string Show(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "?";
}
