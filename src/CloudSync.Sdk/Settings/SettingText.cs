using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace CloudSync.Sdk.Settings;

/// <summary>How a value is written in configuration, and how it is shown in an error.</summary>
internal static class SettingText
{
    private const int LongestShown = 80;

    private static readonly string[] SecretWords =
        ["password", "passwd", "passphrase", "pwd", "secret", "key", "token", "credential", "pem", "connectionstring", "jaas"];

    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.-");

    /// <summary>Reads a value of a scalar type. The invariant culture, whatever the machine's.</summary>
    public static bool TryRead(string text, Type type, [NotNullWhen(true)] out object? value)
    {
        text = text.Trim();
        value = null;
        if (type == typeof(bool))
            value = bool.TryParse(text, out var flag) ? flag : null;
        else if (type == typeof(int))
            value = int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
        else if (type == typeof(long))
            value = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
        else if (type == typeof(double))
            value = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
        else if (type == typeof(TimeSpan))
            value = TryReadTimeSpan(text, out var time) ? time : null;
        else if (type == typeof(Uri))
            value = Uri.TryCreate(text, UriKind.Absolute, out var uri) && !uri.IsFile ? uri : null;
        else if (type.IsEnum)
            value = Enum.GetNames(type).FirstOrDefault(n => n.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } name
                ? Enum.Parse(type, name)
                : null;

        return value is not null;
    }

    public static bool IsScalar(Type type) =>
        type == typeof(bool) || type == typeof(int) || type == typeof(long) || type == typeof(double) || type == typeof(TimeSpan)
        || type == typeof(Uri) || type.IsEnum;

    /// <summary>What would do, for a value that could not be read.</summary>
    public static string Expected(Type type, SettingRangeAttribute? range)
    {
        var from = range is null ? "" : $" {range}";
        if (type == typeof(bool))
            return "true or false";
        if (type == typeof(int) || type == typeof(long))
            return $"a whole number{from}";
        if (type == typeof(double))
            return $"a number{from}";
        if (type == typeof(TimeSpan))
            return $"a time{from}, written like 00:00:30 or 30s (ms, s, m, h, d)";
        if (type == typeof(Uri))
            return "an absolute URI such as https://api.example.com/messages";
        return $"one of {string.Join(", ", Enum.GetNames(type))}";
    }

    public static string Format(object value) => value switch
    {
        TimeSpan { Ticks: var ticks } time when ticks % TimeSpan.TicksPerSecond != 0 => time.ToString("c", CultureInfo.InvariantCulture).TrimEnd('0'),
        TimeSpan time => time.ToString("c", CultureInfo.InvariantCulture),
        int or long => string.Create(CultureInfo.InvariantCulture, $"{value:N0}"),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    /// <summary>A text from configuration as an error may show it: never a secret, never more than a line.</summary>
    public static string Quote(string path, string text)
    {
        if (text.Length == 0)
            return "empty";

        // A connection string or a URI may carry a secret under any name.
        var holdsSecret = text.Contains('@', StringComparison.Ordinal) || (text.Contains('=', StringComparison.Ordinal) && NamesSecret(text));
        if (holdsSecret || NamesSecret(path))
            return "(hidden)";

        var shown = new StringBuilder("'");
        foreach (var character in text.AsSpan(0, Math.Min(text.Length, LongestShown)))
            shown.Append(char.IsControl(character) || char.IsSurrogate(character) ? '?' : character);
        return shown.Append(text.Length > LongestShown ? "…'" : "'").ToString();
    }

    /// <summary>Whether a text speaks of a secret. Hiding too much costs less than showing one.</summary>
    private static bool NamesSecret(string text) => SecretWords.Any(word => text.Contains(word, StringComparison.OrdinalIgnoreCase));

    private static bool TryReadTimeSpan(string text, out TimeSpan time)
    {
        // A bare '5' would be five days, and '05:00' five hours: whoever writes that means something else, so both are refused.
        if (text.Count(':') == 2)
            return TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out time);

        time = default;
        var unitAt = text.AsSpan().IndexOfAnyExcept(NumberCharacters);
        if (unitAt <= 0)
            return false;

        TimeSpan? unit = text.AsSpan(unitAt).Trim() switch
        {
            "ms" => TimeSpan.FromMilliseconds(1),
            "s" => TimeSpan.FromSeconds(1),
            "m" => TimeSpan.FromMinutes(1),
            "h" => TimeSpan.FromHours(1),
            "d" => TimeSpan.FromDays(1),
            _ => null,
        };
        if (unit is null || !decimal.TryParse(text.AsSpan(0, unitAt), NumberStyles.Float, CultureInfo.InvariantCulture, out var count))
            return false;

        if (Math.Abs(count) > long.MaxValue / unit.Value.Ticks)
            return false;

        time = TimeSpan.FromTicks((long)(count * unit.Value.Ticks));
        return true;
    }
}
