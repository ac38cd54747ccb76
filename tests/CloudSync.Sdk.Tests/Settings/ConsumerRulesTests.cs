using System.Globalization;
using CloudSync.Sdk.Settings;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests.Settings;

public class ConsumerRulesTests
{
    [Fact]
    public void The_defaults_go_together() => Assert.Empty(ConsumerRules.Check(Valid()));

    [Theory]
    [InlineData("kafka:9092", true)]
    [InlineData(" kafka-1:9092 , kafka-2:65535 ", true)]
    [InlineData("SASL_SSL://kafka.example.com:9093", true)]
    [InlineData("[::1]:9092", true)]
    [InlineData("10.0.0.1:1", true)]
    [InlineData("", false)]
    [InlineData("kafka", false)]
    [InlineData("kafka:", false)]
    [InlineData(":9092", false)]
    [InlineData("kafka:0", false)]
    [InlineData("kafka:65536", false)]
    [InlineData("kafka:+1", false)]
    [InlineData("kafka:9092,", false)]
    [InlineData("ka fka:9092", false)]
    [InlineData("kafka:9092;kafka:9093", false)]
    public void The_addresses_are_hosts_with_ports(string value, bool valid) =>
        Expect(valid, "BootstrapServers", o => o.BootstrapServers = value);

    [Theory]
    [InlineData("a", true)]
    [InlineData("Data.topic_1-x", true)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("...", true)]
    [InlineData("a b", false)]
    [InlineData("^data.*", false)]
    [InlineData("tópico", false)]
    public void A_topic_has_a_name_that_Kafka_takes(string value, bool valid)
    {
        Expect(valid, "Topic", o => o.Topic = value);
        Expect(valid, "DeadLetters:Topic", o => o.DeadLetters.Topic = value);
    }

    [Theory]
    [InlineData(249, true)]
    [InlineData(250, false)]
    public void A_topic_has_at_most_249_characters(int length, bool valid) => Expect(valid, "Topic", o => o.Topic = new string('a', length));

    [Theory]
    [InlineData("data-topic", false)]
    [InlineData("data-topic-2", true)]
    public void Dead_letters_go_to_another_topic(string topic, bool valid) => Expect(valid, "DeadLetters:Topic", o => o.DeadLetters.Topic = topic);

    [Theory]
    [InlineData("  ", false)]
    [InlineData("g", true)]
    public void A_group_is_named(string group, bool valid) => Expect(valid, "GroupId", o => o.GroupId = group);

    [Theory]
    [InlineData("00:00:01", true)]
    [InlineData("00:00:00.9999999", false)]
    public void The_longest_delay_is_not_shorter_than_the_first(string maxDelay, bool valid) =>
        Expect(valid, "Retry:MaxDelay", o => o.Retry.MaxDelay = Time(maxDelay));

    [Theory]
    [InlineData(6, 5, true)]
    [InlineData(7, 5, false)]
    [InlineData(1, 0, true)]
    [InlineData(2, 0, false)]
    public void The_breaker_opens_before_one_message_has_used_up_its_attempts(int failuresToOpen, int retries, bool valid) =>
        Expect(valid, "Breaker:FailuresToOpen", o => (o.Breaker.FailuresToOpen, o.Retry.MaxRetryAttempts) = (failuresToOpen, retries));

    /// <summary>What a kind of error gets of its own counts as well, where the breaker counts it: whichever gives a message up first.</summary>
    [Theory]
    [InlineData(ErrorType.Timeout, 2, 3, null)]
    [InlineData(ErrorType.Timeout, 2, 4, "Errors:Timeout:MaxRetryAttempts + 1, 3")]
    [InlineData(ErrorType.Timeout, 9, 6, null)]
    [InlineData(ErrorType.Timeout, 9, 7, "Retry:MaxRetryAttempts + 1, 6")]
    [InlineData(ErrorType.Unknown, 5, 7, "Errors:Unknown:MaxRetryAttempts + 1, 6")]
    [InlineData(ErrorType.Transient, 0, 6, null)]
    [InlineData(ErrorType.RateLimited, 0, 6, null)]
    [InlineData(ErrorType.Authentication, 0, 6, null)]
    public void The_breaker_opens_before_any_kind_of_error_has_used_up_its_attempts(ErrorType type, int retries, int failuresToOpen, string? most) =>
        ExpectFailuresToOpen(most, failuresToOpen, o => o.Errors.Of(type).MaxRetryAttempts = retries);

    [Fact]
    public void The_breaker_opens_before_an_error_that_is_dead_lettered_at_once_gives_up_a_second_message()
    {
        ExpectFailuresToOpen("1, since Timeout is dead-lettered at once", 2, o => o.Errors.Timeout.Action = FailureAction.DeadLetter);
        ExpectFailuresToOpen(null, 1, o => o.Errors.Timeout.Action = FailureAction.DeadLetter);
        ExpectFailuresToOpen("1, since Permanent is dead-lettered at once", 2, o => o.Errors.Permanent.Breaker = BreakerEffect.Counts);
        ExpectFailuresToOpen("1, since Timeout is dead-lettered at once", 2, o => (o.Errors.Timeout.Action, o.Errors.Timeout.CountsAsAttempt) = (FailureAction.DeadLetter, false));
    }

    [Fact]
    public void What_uses_up_no_attempt_or_is_not_counted_sets_the_breaker_no_limit()
    {
        foreach (var type in new[] { ErrorType.Unknown, ErrorType.Timeout, ErrorType.NetworkError })
        {
            ExpectFailuresToOpen("Retry:MaxRetryAttempts + 1, 6", 7, o => o.Errors.Of(type).CountsAsAttempt = false);
            ExpectFailuresToOpen(null, 6, o => (o.Errors.Of(type).CountsAsAttempt, o.Errors.Of(type).MaxRetryAttempts) = (false, 0));
            ExpectFailuresToOpen(null, 6, o => (o.Errors.Of(type).Breaker, o.Errors.Of(type).MaxRetryAttempts) = (BreakerEffect.None, 0));
        }

        ExpectFailuresToOpen(null, 1_001, o =>
        {
            foreach (var type in new[] { ErrorType.Unknown, ErrorType.Timeout, ErrorType.NetworkError, ErrorType.ServiceUnavailable })
                o.Errors.Of(type).CountsAsAttempt = false;
        });
    }

    [Theory]
    [InlineData(ErrorType.Timeout, "00:00:31", null, "Errors:Timeout:InitialDelay", "makes the longest delay 00:00:30 and the first 00:00:31; the first must not be longer.")]
    [InlineData(ErrorType.Timeout, "00:00:30", null, null, null)]
    [InlineData(ErrorType.RateLimited, null, "00:00:00.999", "Errors:RateLimited:MaxDelay", "makes the longest delay 00:00:00.999 and the first 00:00:01; the first must not be longer.")]
    [InlineData(ErrorType.RateLimited, null, "00:00:01", null, null)]
    [InlineData(ErrorType.Permanent, "00:00:02", "00:00:01", "Errors:Permanent:MaxDelay", "makes the longest delay 00:00:01 and the first 00:00:02; the first must not be longer.")]
    public void The_longest_delay_of_a_kind_of_error_is_not_shorter_than_its_first(ErrorType type, string? first, string? longest, string? path, string? text)
    {
        var options = Valid();
        options.Errors.Of(type).InitialDelay = first is null ? null : Time(first);
        options.Errors.Of(type).MaxDelay = longest is null ? null : Time(longest);

        Assert.Equal(path is null ? [] : [new SettingProblem(path, text!)], ConsumerRules.Check(options));
    }

    /// <summary>Its retries, and the longest delays of all kinds: an id must be remembered for the worst of them.</summary>
    [Fact]
    public void An_id_is_remembered_for_as_long_as_any_kind_of_error_can_be_retried()
    {
        // Retries of an hour at most: 60 min + 10 %. Then the next, and the next.
        Expect(true, "Idempotency:Retention", o => o.Idempotency.Retention = TimeSpan.FromMinutes(5));
        Expect(false, "Idempotency:Retention", o => (o.Idempotency.Retention, o.Errors.RateLimited.InitialDelay, o.Errors.RateLimited.MaxDelay) =
            (TimeSpan.FromMinutes(300), TimeSpan.FromHours(1), TimeSpan.FromHours(1)));
        Expect(true, "Idempotency:Retention", o => (o.Idempotency.Retention, o.Errors.RateLimited.InitialDelay, o.Errors.RateLimited.MaxDelay) =
            (TimeSpan.FromMinutes(334), TimeSpan.FromHours(1), TimeSpan.FromHours(1)));
        Expect(false, "Idempotency:Retention", o => (o.Idempotency.Retention, o.Errors.Timeout.MaxRetryAttempts) = (TimeSpan.FromMinutes(5), 20));
    }

    [Theory]
    [InlineData("00:00:30", true, true)]
    [InlineData("00:00:29.9999999", true, false)]
    [InlineData("00:00:01", false, true)]
    public void A_claim_lasts_as_long_as_a_call(string lease, bool enabled, bool valid) =>
        Expect(valid, "Idempotency:Lease", o => (o.Idempotency.Lease, o.Idempotency.Enabled) = (Time(lease), enabled));

    [Theory]
    [InlineData("00:00:29.9999999", true, true)]
    [InlineData("00:00:30", true, false)]
    [InlineData("00:05:00", false, true)]
    public void A_claim_is_answered_before_it_has_run_out(string timeout, bool enabled, bool valid) =>
        Expect(valid, "Idempotency:StoreTimeout", o => (o.Idempotency.StoreTimeout, o.Idempotency.Enabled) = (Time(timeout), enabled));

    // Retries 1 + 2 + 4 + 8 + 16 s, 10 % more by jitter: 34.1 s. Six attempts of 30 s, each left behind after 5 s more: 210 s. Drain: 25 s.
    [Theory]
    [InlineData("00:04:29.1", true, true)]
    [InlineData("00:04:29.0999999", true, false)]
    [InlineData("00:00:01", false, true)]
    public void An_id_is_remembered_for_longer_than_its_message_can_be_retried(string retention, bool enabled, bool valid) =>
        Expect(valid, "Idempotency:Retention", o => (o.Idempotency.Retention, o.Idempotency.Enabled) = (Time(retention), enabled));

    /// <summary>A call that ignores its cancellation holds its message up for as long as the call itself may take.</summary>
    [Theory]
    [InlineData("00:09:20.15", "01:00:00", true)]
    [InlineData("00:09:20.1500001", "01:00:00", false)]
    [InlineData("01:00:00", "06:03:59.0999999", false)]
    [InlineData("01:00:00", "06:03:59.1", true)]
    public void An_id_is_remembered_for_longer_than_calls_that_ignore_their_cancellation_can_hold_its_message_up(string abandonAfter, string retention, bool valid) =>
        Expect(valid, "Idempotency:Retention", o => (o.AbandonAfter, o.Idempotency.Retention) = (Time(abandonAfter), Time(retention)));

    [Theory]
    [InlineData("00:04:59.999", null, true)]
    [InlineData("00:05:00", null, false)]
    [InlineData("00:00:44.999", "45000", true)]
    [InlineData("00:00:45", "45000", false)]
    public void A_drain_ends_before_the_group_gives_the_consumer_up(string drain, string? maxPollIntervalMs, bool valid) =>
        Expect(valid, "DrainTimeout", o =>
        {
            o.DrainTimeout = Time(drain);
            if (maxPollIntervalMs is not null)
                o.Kafka["max.poll.interval.ms"] = maxPollIntervalMs;
        });

    [Theory]
    [InlineData("300000", true)]
    [InlineData("5 min", false)]
    public void The_poll_interval_is_a_number(string value, bool valid) =>
        Expect(valid, "Kafka:max.poll.interval.ms", o => o.Kafka["max.poll.interval.ms"] = value);

    [Theory]
    [InlineData("enable.auto.commit", false)]
    [InlineData("Enable.Auto.Commit", false)]
    [InlineData("enable.auto.offset.store", false)]
    [InlineData("group.id", false)]
    [InlineData("bootstrap.servers", false)]
    [InlineData("partition.assignment.strategy", false)]
    [InlineData("group.protocol", false)]
    [InlineData("isolation.level", true)]
    [InlineData("auto.offset.reset", true)]
    [InlineData("sasl.password", true)]
    [InlineData("fetch.min.bytes", true)]
    public void A_setting_of_the_client_that_a_guarantee_rests_on_is_refused(string key, bool valid) =>
        Expect(valid, $"Kafka:{key}", o => o.Kafka[key] = "1");

    [Theory]
    [InlineData("acks", false)]
    [InlineData("enable.idempotence", false)]
    [InlineData("transactional.id", false)]
    [InlineData("bootstrap.servers", true)]
    [InlineData("linger.ms", true)]
    public void So_is_one_of_the_dead_letter_producer(string key, bool valid) =>
        Expect(valid, $"DeadLetters:Kafka:{key}", o => o.DeadLetters.Kafka[key] = "1");

    [Property]
    public void The_rules_take_any_values_and_never_throw(
        string? text, int attempts, int failures, TimeSpan first, TimeSpan longest, TimeSpan sink, TimeSpan abandon, TimeSpan other, double multiplier, double jitter)
    {
        var options = Valid();
        (options.BootstrapServers, options.Topic, options.GroupId, options.DeadLetters.Topic) = (text!, text!, text!, text!);
        (options.Retry.MaxRetryAttempts, options.Breaker.FailuresToOpen) = (attempts, failures);
        (options.Retry.InitialDelay, options.Retry.MaxDelay, options.SinkTimeout, options.AbandonAfter) = (first, longest, sink, abandon);
        (options.DrainTimeout, options.Idempotency.Retention, options.Idempotency.Lease) = (other, other, other);
        (options.Retry.Multiplier, options.Retry.Jitter) = (multiplier, jitter);

        Assert.All(ConsumerRules.Check(options), problem => Assert.False(string.IsNullOrEmpty(problem.Path)));
    }

    private static CloudSyncConsumerOptions Valid() => new() { BootstrapServers = "localhost:9092", GroupId = "g" };

    private static TimeSpan Time(string text) => TimeSpan.Parse(text, CultureInfo.InvariantCulture);

    private static void ExpectFailuresToOpen(string? most, int failuresToOpen, Action<CloudSyncConsumerOptions> change)
    {
        var options = Valid();
        options.Breaker.FailuresToOpen = failuresToOpen;
        change(options);
        var expected = $"is {SettingText.Format(failuresToOpen)}; it must be at most {most}, or an outage could use up a message's attempts before the breaker opens.";

        Assert.Equal(most is null ? [] : [new SettingProblem("Breaker:FailuresToOpen", expected)], ConsumerRules.Check(options));
    }

    private static void Expect(bool valid, string path, Action<CloudSyncConsumerOptions> change)
    {
        var options = Valid();
        change(options);
        var problems = ConsumerRules.Check(options).Select(problem => problem.Path).Distinct();
        if (valid)
            Assert.Empty(problems);
        else
            Assert.Contains(path, problems);
    }
}
