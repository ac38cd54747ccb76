using System.Globalization;

namespace CloudSync.Sdk.Settings;

/// <summary>What Kafka itself asks of a setting, for consumers and producers alike.</summary>
internal static class KafkaRules
{
    /// <summary>The addresses: <c>host:port</c>, separated by commas, each with or without a protocol in front.</summary>
    public static IEnumerable<SettingProblem> BootstrapServers(string? value)
    {
        const string Path = nameof(CloudSyncConsumerOptions.BootstrapServers);
        if (string.IsNullOrWhiteSpace(value))
        {
            yield return new SettingProblem(Path, "is empty; it must name Kafka's addresses, such as kafka-1:9092,kafka-2:9092.");
            yield break;
        }

        foreach (var entry in value.Split(','))
        {
            if (!IsAddress(entry.Trim()))
                yield return new SettingProblem(
                    Path, $"holds {SettingText.Quote(Path, entry.Trim())}; each address must be host:port, such as kafka-1:9092, separated by commas.");
        }
    }

    /// <summary>A topic's name: 1 to 249 letters, digits, dots, underscores and hyphens.</summary>
    public static IEnumerable<SettingProblem> Topic(string path, string? value)
    {
        if (string.IsNullOrWhiteSpace(value))
            yield return new SettingProblem(path, "is empty; it must name a topic.");
        else if (value.Length > 249 || value is "." or ".." || !value.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            yield return new SettingProblem(
                path, $"is {SettingText.Quote(path, value)}; a topic's name has at most 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-'.");
    }

    /// <summary>Settings of the Kafka client that are not the user's to set, each with the reason and what to use instead.</summary>
    public static IEnumerable<SettingProblem> Refused(
        string path, IDictionary<string, string>? kafka, IReadOnlyDictionary<string, string> refused)
    {
        if (kafka is null)
        {
            yield return new SettingProblem(path, "is null; leave it as it is made.");
            yield break;
        }

        foreach (var key in kafka.Keys.Order(StringComparer.Ordinal))
        {
            if (refused.TryGetValue(key, out var why))
                yield return new SettingProblem($"{path}:{key}", $"can't be set: {why}");
        }
    }

    /// <summary>A whole number among the settings of the Kafka client.</summary>
    /// <returns><see langword="null"/> when it is not a number; the default when it is not there.</returns>
    public static int? Number(IDictionary<string, string>? kafka, string key, int defaultValue)
    {
        if (kafka is null || !kafka.TryGetValue(key, out var text))
            return defaultValue;

        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static bool IsAddress(string entry)
    {
        var scheme = entry.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0)
            entry = entry[(scheme + 3)..];

        var colon = entry.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(entry.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
            return false;

        return Uri.CheckHostName(entry[..colon]) != UriHostNameType.Unknown;
    }
}
