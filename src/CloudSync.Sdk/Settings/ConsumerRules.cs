using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk.Settings;

/// <summary>What a consumer's settings must be together.</summary>
internal static class ConsumerRules
{
    /// <summary>librdkafka's own, and Kafka's: how long a member may be without a poll before the group goes on without it.</summary>
    private const int DefaultMaxPollIntervalMs = 300_000;

    private const string OffsetsAreOurs =
        "an offset is committed when its message is settled and not when it was read; use CommitInterval for how often.";

    private static readonly Dictionary<string, string> RefusedForConsumer = new(StringComparer.OrdinalIgnoreCase)
    {
        ["enable.auto.commit"] = OffsetsAreOurs,
        ["auto.commit.enable"] = OffsetsAreOurs,
        ["auto.commit.interval.ms"] = OffsetsAreOurs,
        ["enable.auto.offset.store"] = OffsetsAreOurs,
        ["group.id"] = "the group also names what the idempotency store remembers; use GroupId.",
        ["bootstrap.servers"] = "it has a setting of its own; use BootstrapServers.",
        ["metadata.broker.list"] = "it has a setting of its own; use BootstrapServers.",
        ["partition.assignment.strategy"] =
            "partitions move one by one (cooperative-sticky), so that a rebalance does not stop the others; leave it out.",
        ["group.protocol"] = "draining a revoked partition rests on the classic protocol with cooperative-sticky assignment; leave it out.",
        ["dotnet.consumer.consume.result.fields"] = "the id is in the headers and the order in the key, so all fields are needed; leave it out.",
    };

    private static readonly Dictionary<string, string> RefusedForDeadLetters = new(StringComparer.OrdinalIgnoreCase)
    {
        ["acks"] = ProducerRules.AcksAreOurs,
        ["request.required.acks"] = ProducerRules.AcksAreOurs,
        ["enable.idempotence"] = ProducerRules.IdempotenceIsOurs,
        ["transactional.id"] = ProducerRules.NoTransactions,
        ["delivery.report.only.error"] = ProducerRules.ReportsAreOurs,
        ["dotnet.producer.enable.delivery.reports"] = ProducerRules.ReportsAreOurs,
        ["dotnet.producer.enable.background.poll"] = ProducerRules.ReportsAreOurs,
        ["message.timeout.ms"] = "it has a setting of its own; use DeadLetters:AcknowledgementTimeout.",
        ["delivery.timeout.ms"] = "it has a setting of its own; use DeadLetters:AcknowledgementTimeout.",
    };

    /// <summary>Reads and checks a consumer's options, and gives it a group of its own when none is named.</summary>
    public static OptionsBuilder<CloudSyncConsumerOptions> AddCloudSyncConsumerOptions(
        this IServiceCollection services, string name, IConfiguration? section) =>
        services.AddCloudSyncOptions<CloudSyncConsumerOptions>(name, section, Check)
            .PostConfigure(options => options.GroupId = string.IsNullOrEmpty(options.GroupId) ? $"{name}-sync-group" : options.GroupId);

    public static IEnumerable<SettingProblem> Check(CloudSyncConsumerOptions options) =>
    [
        .. KafkaRules.BootstrapServers(options.BootstrapServers),
        .. KafkaRules.Topic(nameof(options.Topic), options.Topic),
        .. KafkaRules.Topic("DeadLetters:Topic", options.DeadLetters.Topic),
        .. KafkaRules.Refused(nameof(options.Kafka), options.Kafka, RefusedForConsumer),
        .. KafkaRules.Refused("DeadLetters:Kafka", options.DeadLetters.Kafka, RefusedForDeadLetters),
        .. GraceRules.Check(options.Grace, nameof(options.DrainTimeout), options.DrainTimeout),
        .. Across(options),
    ];

    /// <summary>The longest that one message can take from its first attempt to its last, when it fails every time and each call ignores its cancellation.</summary>
    /// <returns><see langword="null"/> when the values are so far out of range that there is no such time.</returns>
    public static TimeSpan? RetryHorizon(RetryOptions retry, ErrorOptions errors, TimeSpan sinkTimeout, TimeSpan abandonAfter)
    {
        var rules = ErrorRule.All(retry, errors);
        var retries = rules.Max(rule => rule.MaxRetryAttempts);
        var seconds = (retries + 1) * (sinkTimeout.TotalSeconds + abandonAfter.TotalSeconds);
        for (var n = 1; n <= Math.Min(retries, 10_000); n++)
            seconds += rules.Max(rule => rule.Backoff.Longest(n).TotalSeconds);

        return Math.Abs(seconds) < TimeSpan.MaxValue.TotalSeconds / 2 ? TimeSpan.FromSeconds(seconds) : null;
    }

    private static IEnumerable<SettingProblem> Across(CloudSyncConsumerOptions options)
    {
        var (retry, breaker, idempotency) = (options.Retry, options.Breaker, options.Idempotency);

        if (string.IsNullOrWhiteSpace(options.GroupId))
            yield return new SettingProblem(nameof(options.GroupId), "is blank; it must name a consumer group.");

        if (!string.IsNullOrEmpty(options.Topic) && options.Topic == options.DeadLetters.Topic)
            yield return new SettingProblem(
                "DeadLetters:Topic", $"is {options.DeadLetters.Topic}, and so is Topic; dead letters must go to another topic, or they are read again.");

        if (retry.MaxDelay < retry.InitialDelay)
            yield return new SettingProblem(
                "Retry:MaxDelay", $"is {SettingText.Format(retry.MaxDelay)}; it must be at least Retry:InitialDelay, {SettingText.Format(retry.InitialDelay)}.");

        foreach (var type in Enum.GetValues<ErrorType>())
        {
            var own = options.Errors.Of(type);
            var (first, longest) = (own.InitialDelay ?? retry.InitialDelay, own.MaxDelay ?? retry.MaxDelay);
            if ((own.InitialDelay ?? own.MaxDelay) is not null && longest < first)
                yield return new SettingProblem(
                    $"Errors:{type}:{(own.MaxDelay is null ? "InitialDelay" : "MaxDelay")}",
                    $"makes the longest delay {SettingText.Format(longest)} and the first {SettingText.Format(first)}; the first must not be longer.");
        }

        var (fewest, why) = FewestFailures(options);
        if (breaker.FailuresToOpen > fewest)
            yield return new SettingProblem(
                "Breaker:FailuresToOpen",
                $"is {SettingText.Format(breaker.FailuresToOpen)}; it must be at most {why}, or an outage could use up a message's attempts before the breaker opens.");

        if (idempotency.Enabled && idempotency.Lease < options.SinkTimeout)
            yield return new SettingProblem(
                "Idempotency:Lease",
                $"is {SettingText.Format(idempotency.Lease)}; it must be at least SinkTimeout, {SettingText.Format(options.SinkTimeout)}, "
                + "or another consumer could take over a message whose call still runs.");

        if (idempotency.Enabled && idempotency.StoreTimeout >= idempotency.Lease)
            yield return new SettingProblem(
                "Idempotency:StoreTimeout",
                $"is {SettingText.Format(idempotency.StoreTimeout)}; it must be less than Idempotency:Lease, {SettingText.Format(idempotency.Lease)}, "
                + "or a claim could run out before its answer is here.");

        if (idempotency.Enabled && RetryHorizon(retry, options.Errors, options.SinkTimeout, options.AbandonAfter) is { } horizon
            && idempotency.Retention.TotalSeconds < horizon.TotalSeconds + options.DrainTimeout.TotalSeconds)
            yield return new SettingProblem(
                "Idempotency:Retention",
                $"is {SettingText.Format(idempotency.Retention)}; it must be at least {SettingText.Format(horizon)} + DrainTimeout, {SettingText.Format(options.DrainTimeout)}: "
                + "a message can be retried for that long, and must be remembered for longer. Raise it, or lower Retry:MaxRetryAttempts, Retry:MaxDelay, SinkTimeout or AbandonAfter.");

        if (KafkaRules.Number(options.Kafka, "max.poll.interval.ms", DefaultMaxPollIntervalMs) is not { } maxPollIntervalMs)
            yield return new SettingProblem(
                "Kafka:max.poll.interval.ms",
                $"is {SettingText.Quote("max.poll.interval.ms", options.Kafka["max.poll.interval.ms"])}; it must be a whole number of milliseconds.");
        else if (options.DrainTimeout >= TimeSpan.FromMilliseconds(maxPollIntervalMs))
            yield return new SettingProblem(
                nameof(options.DrainTimeout),
                $"is {SettingText.Format(options.DrainTimeout)}; it must be less than Kafka:max.poll.interval.ms, {SettingText.Format(maxPollIntervalMs)} ms, "
                + "or the group takes the consumer for dead while it drains.");
    }

    /// <summary>How many failures of the endpoint a message can meet at least, the one for which it is given up included; and what says so.</summary>
    private static (long Failures, string Why) FewestFailures(CloudSyncConsumerOptions options)
    {
        var rules = ErrorRule.All(options.Retry, options.Errors);
        var fewest = (Failures: long.MaxValue, Why: "");
        foreach (var type in Enum.GetValues<ErrorType>().Where(type => rules[(int)type].Breaker == BreakerEffect.Counts))
        {
            var rule = rules[(int)type];
            var failures = rule.Action == FailureAction.DeadLetter ? 1 : rule.CountsAsAttempt ? rule.MaxRetryAttempts + 1L : long.MaxValue;
            if (failures >= fewest.Failures)
                continue;

            var setting = options.Errors.Of(type).MaxRetryAttempts is null ? "Retry:MaxRetryAttempts" : $"Errors:{type}:MaxRetryAttempts";
            fewest = (failures, rule.Action == FailureAction.DeadLetter ? $"1, since {type} is dead-lettered at once" : $"{setting} + 1, {SettingText.Format(failures)}");
        }

        return fewest;
    }
}
