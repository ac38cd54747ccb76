using Xunit;

namespace CloudSync.Sdk.Tests.Settings;

public class DeadLetterRedriveRulesTests
{
    [Theory]
    [InlineData("acks", "0")]
    [InlineData("enable.idempotence", "false")]
    [InlineData("enable.auto.commit", "true")]
    [InlineData("enable.partition.eof", "false")]
    [InlineData("auto.offset.reset", "latest")]
    [InlineData("isolation.level", "read_uncommitted")]
    [InlineData("allow.auto.create.topics", "true")]
    public void What_no_letter_is_lost_or_repeated_by_is_not_the_users_to_set(string key, string value)
    {
        var options = new DeadLetterRedriveOptions { BootstrapServers = "kafka:9092", Kafka = { [key] = value } };

        var error = Assert.Throws<ArgumentException>(() => new DeadLetterRedrive(options));

        Assert.Contains($"DeadLetterRedriveOptions.Kafka.{key} can't be set", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_that_is_wrong_is_named_at_once()
    {
        var error = Assert.Throws<ArgumentException>(() => new DeadLetterRedrive(new DeadLetterRedriveOptions { Topic = "a b", Timeout = TimeSpan.Zero }));

        Assert.Contains("DeadLetterRedriveOptions.BootstrapServers is empty", error.Message, StringComparison.Ordinal);
        Assert.Contains("DeadLetterRedriveOptions.Topic is 'a b'", error.Message, StringComparison.Ordinal);
        Assert.Contains("DeadLetterRedriveOptions.Timeout is 00:00:00", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, null, "MaxPerSecond is 0")]
    [InlineData(1_000_001, null, "MaxPerSecond is 1,000,001")]
    [InlineData(null, 0L, "MaxLetters is 0")]
    public async Task A_run_is_checked_before_anything_is_connected(int? perSecond, long? letters, string expected)
    {
        var redrive = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = "127.0.0.1:1" });

        var error = await Assert.ThrowsAsync<ArgumentException>(() => redrive.RedriveAsync(
            new DeadLetterFilter(), new RedriveSettings { MaxPerSecond = perSecond, MaxLetters = letters }, cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}
