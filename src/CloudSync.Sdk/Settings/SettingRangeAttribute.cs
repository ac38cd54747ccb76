using System.Globalization;

namespace CloudSync.Sdk.Settings;

/// <summary>The smallest and the largest value that a setting may have, both included.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SettingRangeAttribute : Attribute
{
    private readonly IComparable _min;
    private readonly IComparable _max;

    /// <summary>The range of an <see langword="int"/> or a <see langword="long"/>.</summary>
    public SettingRangeAttribute(long min, long max) => (_min, _max) = (min, max);

    /// <summary>The range of a <see langword="double"/>. NaN is in no range.</summary>
    public SettingRangeAttribute(double min, double max) => (_min, _max) = (min, max);

    /// <summary>The range of a <see cref="TimeSpan"/>, as <c>[d.]hh:mm:ss[.fffffff]</c>.</summary>
    public SettingRangeAttribute(string min, string max) =>
        (_min, _max) = (TimeSpan.Parse(min, CultureInfo.InvariantCulture), TimeSpan.Parse(max, CultureInfo.InvariantCulture));

    public bool Contains(object value)
    {
        // CompareTo puts NaN below every number, so the lower bound refuses it.
        IComparable comparable = value is int number ? (long)number : (IComparable)value;
        return comparable.CompareTo(_min) >= 0 && comparable.CompareTo(_max) <= 0;
    }

    public override string ToString() => $"from {SettingText.Format(_min)} to {SettingText.Format(_max)}";
}
