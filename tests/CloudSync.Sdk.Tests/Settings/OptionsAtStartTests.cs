using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.Sdk.Tests.Settings;

public class OptionsAtStartTests
{
    [Fact]
    public void The_defaults_need_only_the_addresses()
    {
        var services = Consumer(("BootstrapServers", "localhost:9092"));

        Start(services);

        var options = Get(services);
        Assert.Equal("aws-sync-group", options.GroupId);
        Assert.Equal(10_000, options.MaxHeldMessages);
    }

    [Fact]
    public void One_problem_is_one_line_with_the_whole_key()
    {
        var message = StartFails(Consumer(("BootstrapServers", "localhost:9092"), ("MaxHeldMessages", "0")));

        Assert.Equal("CloudSync:Aws:MaxHeldMessages is 0; it must be from 1 to 10,000,000.", message);
    }

    [Fact]
    public void Unreadable_out_of_range_unknown_and_contradicting_values_come_in_one_message()
    {
        var message = StartFails(Consumer(
            ("BootstrapServers", "localhost"), ("MaxHeldMessage", "1"), ("MaxConcurrency", "many"), ("Retry:Jitter", "NaN"), ("Retry:MaxDelay", "1ms"),
            ("Kafka:enable.auto.commit", "true")));

        Assert.Equal(
            [
                "6 settings are wrong:",
                "CloudSync:Aws:MaxConcurrency is 'many'; it must be a whole number from 1 to 10,000.",
                "CloudSync:Aws:MaxHeldMessage is not a setting; did you mean MaxHeldMessages?",
                "CloudSync:Aws:Retry:Jitter is NaN; it must be from 0 to 1.",
                "CloudSync:Aws:BootstrapServers holds 'localhost'; each address must be host:port, such as kafka-1:9092, separated by commas.",
                "CloudSync:Aws:Kafka:enable.auto.commit can't be set: an offset is committed when its message is settled and not when it was read; use CommitInterval for how often.",
                "CloudSync:Aws:Retry:MaxDelay is 00:00:00.001; it must be at least Retry:InitialDelay, 00:00:01.",
            ],
            message.Split(Environment.NewLine));
    }

    [Fact]
    public void What_each_kind_of_error_gets_is_read_from_the_configuration()
    {
        var errors = Get(Consumer(
            ("BootstrapServers", "localhost:9092"), ("Errors:RateLimited:InitialDelay", "5s"), ("Errors:RateLimited:MaxDelay", "00:10:00"),
            ("errors:timeout:maxretryattempts", "7"), ("Errors:Timeout:Multiplier", "1.5"), ("Errors:Unknown:Action", "deadletter"),
            ("Errors:Unknown:Breaker", "None"), ("Errors:Authentication:CountsAsAttempt", "false"), ("Errors:Transient:FirstRetryAtOnce", "false"),
            ("Errors:ServiceUnavailable:HoldsEndpoint", "True"))).Errors;
        Assert.Equal((TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10)), (errors.RateLimited.InitialDelay, errors.RateLimited.MaxDelay));
        Assert.Equal((7, 1.5, null), (errors.Timeout.MaxRetryAttempts, errors.Timeout.Multiplier, errors.Timeout.InitialDelay));
        Assert.Equal((FailureAction.DeadLetter, BreakerEffect.None), (errors.Unknown.Action, errors.Unknown.Breaker));
        Assert.Equal((false, false, true), (errors.Authentication.CountsAsAttempt, errors.Transient.FirstRetryAtOnce, errors.ServiceUnavailable.HoldsEndpoint));
        Assert.Null(errors.NetworkError.Action);
    }

    [Fact]
    public void What_each_kind_of_error_gets_is_refused_where_it_can_not_be()
    {
        var message = StartFails(Consumer(
            ("BootstrapServers", "localhost:9092"), ("Idempotency:Enabled", "false"), ("Errors:RateLimit:InitialDelay", "5s"), ("Errors:RateLimited:Delay", "5s"), ("Errors:Timeout:Action", "Drop"),
            ("Errors:Timeout:Breaker", "2"), ("Errors:Timeout:CountsAsAttempt", "no"), ("Errors:Timeout:MaxRetryAttempts", "1001"), ("Errors:Timeout:Multiplier", "0.5"),
            ("Errors:Transient", "Retry"), ("Errors:NetworkError:InitialDelay", "5"), ("Errors:NetworkError:MaxDelay", "500ms")));

        Assert.Equal(
            [
                "10 settings are wrong:",
                "CloudSync:Aws:Errors:NetworkError:InitialDelay is '5'; it must be a time from 00:00:00.001 to 1.00:00:00, written like 00:00:30 or 30s (ms, s, m, h, d).",
                "CloudSync:Aws:Errors:NetworkError:MaxDelay makes the longest delay 00:00:00.5 and the first 00:00:01; the first must not be longer.",
                "CloudSync:Aws:Errors:RateLimit is not a setting; did you mean RateLimited?",
                "CloudSync:Aws:Errors:RateLimited:Delay is not a setting; did you mean MaxDelay?",
                "CloudSync:Aws:Errors:Timeout:Action is 'Drop'; it must be one of Retry, DeadLetter.",
                "CloudSync:Aws:Errors:Timeout:Breaker is '2'; it must be one of None, Counts, OpensAtOnce.",
                "CloudSync:Aws:Errors:Timeout:CountsAsAttempt is 'no'; it must be true or false.",
                "CloudSync:Aws:Errors:Timeout:MaxRetryAttempts is 1,001; it must be from 0 to 1,000.",
                "CloudSync:Aws:Errors:Timeout:Multiplier is 0.5; it must be from 1 to 10.",
                "CloudSync:Aws:Errors:Transient is 'Retry'; it must be a group with settings of its own.",
            ],
            message.Split(Environment.NewLine).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_option_is_checked_against_its_range_at_once()
    {
        var services = new ServiceCollection();
        services.AddCloudSyncConsumerOptions("aws", null).Configure(o =>
        {
            o.BootstrapServers = "localhost:9092";
            (o.Ordering, o.Preset) = ((MessageOrdering)7, (CloudSyncPreset)7);
            o.MaxConcurrency = o.MaxBatchSize = o.MaxBatchBytes = o.MaxHeldMessages = o.MaxUnsettledDistance = 0;
            o.MaxHeldBytes = o.MaxAbandonedCalls = 0;
            o.SinkTimeout = o.CommitInterval = o.DrainTimeout = o.AbandonAfter = TimeSpan.FromSeconds(-1);
            o.AdaptiveConcurrency = new AdaptiveConcurrencyOptions { Smoothing = 0, Tolerance = double.NaN };
            o.Retry = new RetryOptions
            {
                MaxRetryAttempts = -1,
                MaxElapsedTime = TimeSpan.Zero,
                InitialDelay = default,
                MaxDelay = default,
                Multiplier = double.NaN,
                JitterMode = (JitterMode)3,
                Jitter = double.PositiveInfinity,
                Budget = -0.1,
                BudgetReserve = 0,
            };
            o.Breaker = new BreakerOptions { FailuresToOpen = 0, FailureRatio = 0, SamplingDuration = default, MinimumThroughput = 1, BreakDuration = default };
            foreach (var type in Enum.GetValues<ErrorType>())
            {
                var own = o.Errors.Of(type);
                (own.Action, own.Breaker, own.MaxRetryAttempts) = ((FailureAction)2, (BreakerEffect)3, -1);
                (own.InitialDelay, own.Multiplier, own.MaxDelay) = (TimeSpan.Zero, 0.9, TimeSpan.Zero);
            }

            o.Idempotency = new IdempotencyOptions
            {
                KeyStrategy = (IdempotencyKeyStrategy)3,
                MaxEntries = 0,
                MaxBytes = 0,
                Lease = default,
                Retention = default,
                CleanupInterval = default,
                StoreTimeout = default,
                WhenStoreFails = (StoreOutagePolicy)2,
            };
            o.DeadLetters = new DeadLetterOptions { AcknowledgementTimeout = default };
        });

        var lines = StartFails(services).Split(Environment.NewLine);

        // The texts and the dictionaries have rules of their own, and a switch has no range.
        string[] unranged = ["BootstrapServers", "Topic", "GroupId", "Kafka", "ReadInBatches", "AdaptiveConcurrency:Enabled", "Idempotency:Enabled", "DeadLetters:Topic", "DeadLetters:Kafka"];
        string[] switches = ["FirstRetryAtOnce", "HoldsEndpoint", "CountsAsAttempt"];
        var expected = SettingsBinder.Paths(typeof(CloudSyncConsumerOptions)).Except(unranged).Where(path => !switches.Contains(path.Split(':')[^1])).ToList();
        Assert.Equal(38 + (10 * 6), expected.Count);
        Assert.All(
            expected, path => Assert.Contains(lines, line => line.StartsWith($"CloudSyncConsumerOptions.{path.Replace(':', '.')} is ", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_producers_options_are_checked_against_their_ranges()
    {
        var services = new ServiceCollection();
        services.AddCloudSyncOptions<CloudSyncProducerOptions>("", null, ProducerRules.Check).Configure(o =>
        {
            o.Linger = o.DeliveryTimeout = o.FlushTimeout = TimeSpan.FromSeconds(-1);
            o.BatchSize = o.MaxMessageBytes = 0;
            o.BufferBytes = 0;
            (o.Compression, o.Format, o.Preset) = ((ProducerCompression)9, (CloudEventsFormat)9, (CloudSyncPreset)9);
            o.Source = o.Type = o.Topic = o.BootstrapServers = " ";
        });

        var lines = StartFails(services).Split(Environment.NewLine);

        Assert.All(
            SettingsBinder.Paths(typeof(CloudSyncProducerOptions)).Where(path => path != "Kafka"),
            path => Assert.Contains(lines, line => line.StartsWith($"CloudSyncProducerOptions.{path} is ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Code_has_the_last_word_and_is_checked()
    {
        var services = Consumer(("BootstrapServers", "localhost:9092"), ("MaxConcurrency", "4"));
        services.Configure<CloudSyncConsumerOptions>("aws", o => o.MaxConcurrency = o.MaxConcurrency * 10_000);

        Assert.Equal("CloudSync:Aws:MaxConcurrency is 40,000; it must be from 1 to 10,000.", StartFails(services));
    }

    /// <summary>Its name speaks of a key, and a name of an enumeration is no secret.</summary>
    [Fact]
    public void A_key_strategy_that_there_is_not_is_shown() => Assert.Equal(
        "CloudSync:Aws:Idempotency:KeyStrategy is 'Id'; it must be one of MessageId, MessageIdAndOffset, Place.",
        StartFails(Consumer(("BootstrapServers", "localhost:9092"), ("Idempotency:KeyStrategy", "Id"))));

    [Fact]
    public void Options_of_another_name_are_not_touched()
    {
        var services = Consumer(("BootstrapServers", "localhost:9092"));
        services.AddCloudSyncConsumerOptions("azure", Section("CloudSync:Azure", ("BootstrapServers", "localhost:9093"), ("Topic", "other")));

        Start(services);

        Assert.Equal("data-topic", Get(services).Topic);
        var azure = services.BuildServiceProvider().GetRequiredService<IOptionsMonitor<CloudSyncConsumerOptions>>().Get("azure");
        Assert.Equal(("other", "azure-sync-group"), (azure.Topic, azure.GroupId));
    }

    [Fact]
    public void A_section_that_is_not_there_is_told_of()
    {
        var message = StartFails(Consumer());

        Assert.Contains("CloudSync:Aws is not in the configuration", message, StringComparison.Ordinal);
        Assert.Contains("CloudSync:Aws:BootstrapServers is empty", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_set_to_null_is_told_of_and_nothing_throws()
    {
        var services = Consumer(("BootstrapServers", "localhost:9092"));
        services.Configure<CloudSyncConsumerOptions>("aws", o => (o.Retry, o.Topic) = (null!, null!));

        Assert.Equal("CloudSync:Aws:Retry is null; it must be a RetryOptions.", StartFails(services));
    }

    [Fact]
    public async Task A_wrong_producer_and_a_wrong_consumer_are_told_of_together()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddCloudSyncProducer(Section("CloudSync:Producer", ("BootstrapServers", "kafka")));
        builder.Services.AddCloudSyncConsumerOptions("aws", Section("CloudSync:Aws", ("BootstrapServers", "kafka")));
        using var host = builder.Build();

        var both = await Assert.ThrowsAsync<AggregateException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Equal(
            ["CloudSync:Aws:BootstrapServers", "CloudSync:Producer:BootstrapServers"],
            both.InnerExceptions.Select(e => e.Message.Split(' ')[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_second_producer_is_refused()
    {
        var services = new ServiceCollection();
        services.AddCloudSyncProducer(o => o.BootstrapServers = "kafka:9092");

        Assert.Throws<InvalidOperationException>(() => services.AddCloudSyncProducer(o => o.BootstrapServers = "kafka:9092"));
    }

    private static ServiceCollection Consumer(params (string Key, string? Value)[] values)
    {
        var services = new ServiceCollection();
        services.AddCloudSyncConsumerOptions("aws", Section("CloudSync:Aws", values));
        return services;
    }

    private static IConfigurationSection Section(string path, params (string Key, string? Value)[] values) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(v => new KeyValuePair<string, string?>($"{path}:{v.Key}", v.Value)))
            .Build()
            .GetSection(path);

    private static void Start(ServiceCollection services)
    {
        using var provider = services.BuildServiceProvider();
        provider.GetRequiredService<IStartupValidator>().Validate();
    }

    private static string StartFails(ServiceCollection services) => Assert.Throws<OptionsValidationException>(() => Start(services)).Message;

    private static CloudSyncConsumerOptions Get(ServiceCollection services) =>
        services.BuildServiceProvider().GetRequiredService<IOptionsMonitor<CloudSyncConsumerOptions>>().Get("aws");
}
