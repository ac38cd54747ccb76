using System.Globalization;

namespace CloudSync.LoadTest.Reports;

/// <summary>Figures as people read them, the same in all reports. What is no number, or is not known, is a dash.</summary>
internal static class Figures
{
    public const string None = "–";

    public static string Count(double? count) => Text(count, "#,0");

    /// <summary>Messages a second.</summary>
    public static string Rate(double? rate) => Text(rate, rate < 10 ? "0.#" : "#,0");

    public static string Milliseconds(double? milliseconds) => Text(milliseconds, milliseconds switch { < 1 => "0.00", < 100 => "0.0", _ => "#,0" });

    public static string Seconds(double? seconds) => Text(seconds, "#,0.0");

    /// <summary>Processors, or cores that it would take.</summary>
    public static string Processors(double? processors) => Text(processors, processors < 10 ? "0.00" : "#,0.0");

    public static string Memory(double? mebibytes) => Text(mebibytes, "#,0");

    public static string Share(double? share) => Text(share, share < 0.001 ? "0.#### %" : "0.# %");

    /// <summary>What is reckoned and not measured: no more than two digits of it mean anything.</summary>
    public static string About(double rate)
    {
        if (!double.IsFinite(rate) || rate < 1)
            return Rate(rate);

        var unit = Math.Pow(10, Math.Max(0, Math.Floor(Math.Log10(rate)) - 1));
        return Rate(Math.Round(rate / unit) * unit);
    }

    /// <summary>By how much something changed, with its sign.</summary>
    public static string Change(double? share) => Text(share, "+0.0 %;-0.0 %;0.0 %");

    /// <summary>For an axis: 1, 10, 100, 1k, 10k, 100k, 1M.</summary>
    public static string Short(double value) => Math.Abs(value) switch
    {
        >= 1_000_000 => Text(value / 1_000_000, "0.##") + "M",
        >= 1_000 => Text(value / 1_000, "0.##") + "k",
        _ => Text(value, "0.###"),
    };

    /// <summary>1 message, 2 messages.</summary>
    public static string Count(long count, string one, string? many = null) => $"{Count(count)} {(count == 1 ? one : many ?? one + "s")}";

    private static string Text(double? value, string format) =>
        value is { } number && double.IsFinite(number) ? number.ToString(format, CultureInfo.InvariantCulture) : None;
}
