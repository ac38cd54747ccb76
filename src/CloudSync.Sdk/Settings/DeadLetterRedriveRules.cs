namespace CloudSync.Sdk.Settings;

/// <summary>What the settings of a redrive must be.</summary>
internal static class DeadLetterRedriveRules
{
    private const string NothingIsCommitted = "what was redriven is marked in the dead-letter topic, and nothing is committed; leave it out.";

    private static readonly Dictionary<string, string> Refused = new(StringComparer.OrdinalIgnoreCase)
    {
        ["enable.auto.commit"] = NothingIsCommitted,
        ["auto.commit.enable"] = NothingIsCommitted,
        ["auto.commit.interval.ms"] = NothingIsCommitted,
        ["enable.auto.offset.store"] = NothingIsCommitted,
        ["auto.offset.reset"] = "all of the dead-letter topic is read, from its beginning; leave it out.",
        ["isolation.level"] = "a letter of a transaction that was aborted was never written; leave it out.",
        ["allow.auto.create.topics"] = "no topic is made by accident; leave it out.",
        ["enable.partition.eof"] = "it tells where the topic ends; leave it out.",
        ["bootstrap.servers"] = "it has a setting of its own; use BootstrapServers.",
        ["metadata.broker.list"] = "it has a setting of its own; use BootstrapServers.",
        ["dotnet.consumer.consume.result.fields"] = "a letter goes back whole, so all fields are needed; leave it out.",
        ["acks"] = ProducerRules.AcksAreOurs,
        ["request.required.acks"] = ProducerRules.AcksAreOurs,
        ["enable.idempotence"] = ProducerRules.IdempotenceIsOurs,
        ["transactional.id"] = ProducerRules.NoTransactions,
        ["delivery.report.only.error"] = ProducerRules.ReportsAreOurs,
        ["dotnet.producer.enable.delivery.reports"] = ProducerRules.ReportsAreOurs,
        ["dotnet.producer.enable.background.poll"] = ProducerRules.ReportsAreOurs,
        ["dotnet.producer.delivery.report.fields"] = ProducerRules.ReportsAreOurs,
        ["message.timeout.ms"] = "it has a setting of its own; use Timeout.",
        ["delivery.timeout.ms"] = "it has a setting of its own; use Timeout.",
    };

    public static IEnumerable<SettingProblem> Check(DeadLetterRedriveOptions options) =>
    [
        .. KafkaRules.BootstrapServers(options.BootstrapServers),
        .. KafkaRules.Topic(nameof(options.Topic), options.Topic),
        .. KafkaRules.Refused(nameof(options.Kafka), options.Kafka, Refused),
        .. Timeout(options.Timeout),
    ];

    public static IEnumerable<SettingProblem> Check(RedriveSettings settings)
    {
        if (settings.MaxPerSecond is < 1 or > 1_000_000)
            yield return new SettingProblem(nameof(settings.MaxPerSecond), $"is {SettingText.Format(settings.MaxPerSecond)}; it must be from 1 to 1,000,000.");

        if (settings.MaxLetters is < 1)
            yield return new SettingProblem(nameof(settings.MaxLetters), $"is {SettingText.Format(settings.MaxLetters)}; it must be at least 1.");
    }

    private static IEnumerable<SettingProblem> Timeout(TimeSpan timeout)
    {
        if (timeout < TimeSpan.FromSeconds(1) || timeout > TimeSpan.FromHours(1))
            yield return new SettingProblem(nameof(DeadLetterRedriveOptions.Timeout), $"is {SettingText.Format(timeout)}; it must be from 00:00:01 to 01:00:00.");
    }

    /// <summary>Throws when anything is wrong, with all that is.</summary>
    /// <exception cref="ArgumentException">Something is.</exception>
    public static void ThrowIfAny(string owner, IEnumerable<SettingProblem> problems, string parameter)
    {
        var lines = problems.Select(problem => $"{owner}.{problem.Path.Replace(':', '.')} {problem.Text}").ToList();
        if (lines.Count > 0)
            throw new ArgumentException(string.Join(Environment.NewLine, lines), parameter);
    }
}
