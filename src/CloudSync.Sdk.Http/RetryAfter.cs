using System.Globalization;
using System.Net.Http.Headers;

namespace CloudSync.Sdk;

/// <summary>How long an endpoint asks us to wait.</summary>
internal static class RetryAfter
{
    /// <summary>
    /// Reads a <c>Retry-After</c>: seconds, or an HTTP date. What lies in the past is no wait, and what is longer than <paramref name="longest"/> is cut to it.
    /// </summary>
    /// <returns><see langword="null"/> when it is neither.</returns>
    public static TimeSpan? Read(string? text, DateTimeOffset now, TimeSpan longest)
    {
        if (string.IsNullOrWhiteSpace(text))
            return null;

        // As a double: an absurd number of digits is then a long wait, where an integer would not be read and the endpoint be hurried.
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds))
            return FromSeconds(seconds, longest);

        return RetryConditionHeaderValue.TryParse(text, out var parsed) && parsed.Date is { } date ? Limit(date - now, longest) : null;
    }

    /// <summary>A number of seconds, under the same limits.</summary>
    public static TimeSpan? FromSeconds(double seconds, TimeSpan longest)
    {
        if (double.IsNaN(seconds))
            return null;

        return seconds >= longest.TotalSeconds ? longest : Limit(TimeSpan.FromSeconds(Math.Max(0, seconds)), longest);
    }

    private static TimeSpan Limit(TimeSpan wait, TimeSpan longest) => wait < TimeSpan.Zero ? TimeSpan.Zero : wait > longest ? longest : wait;
}
