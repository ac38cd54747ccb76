using Xunit;

namespace CloudSync.Cli.Tests;

public class CommandLineTests
{
    private const string Nowhere = "127.0.0.1:1";

    [Theory]
    [InlineData("dlq lst", "Unknown command 'lst'.")]
    [InlineData("dlq list --foo", "Unknown option 'foo'.")]
    [InlineData("dlq list -b kafka", "BootstrapServers holds 'kafka'")]
    [InlineData("dlq list -t a/b", "Topic is 'a/b'")]
    [InlineData("dlq list --error-type Bad", "--error-type is 'Bad'; it must be one of Unknown, Transient")]
    [InlineData("dlq list --since yesterday", "--since is 'yesterday'")]
    [InlineData("dlq list --until 5", "--until is '5'")]
    [InlineData("dlq list --position 5", "--position is '5'; it must be partition:offset")]
    [InlineData("dlq list --limit 0", "--limit is 0")]
    [InlineData("dlq list --kafka acks", "--kafka needs NAME=VALUE")]
    [InlineData("dlq list --kafka acks=0", "Kafka.acks can't be set")]
    [InlineData("dlq list --timeout 30", "--timeout is '30'")]
    [InlineData("dlq list --timeout 1ms", "Timeout is 00:00:00.001")]
    [InlineData("dlq show", "is missing required argument 'POSITION|ID'")]
    [InlineData("dlq redrive --yes", "Whose letters?")]
    [InlineData("dlq redrive --all-groups --group g --yes", "--all-groups goes with neither")]
    [InlineData("dlq redrive --group g --rate 0 --yes", "--rate is 0")]
    [InlineData("dlq redrive --group g --json", "--json asks nobody.")]
    [InlineData("dlq redrive --group g", "Nobody can be asked here.")]
    public async Task A_wrong_command_line_is_named_and_ends_with_2_before_anything_is_connected(string line, string expected)
    {
        var run = await Cli.RunOnAsync(Nowhere, line, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(CommandLine.Wrong, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Contains("--help", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_address_both_ways_to_give_one_are_named()
    {
        var run = await Cli.RunOnAsync(null, "dlq list", cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(CommandLine.Wrong, run.ExitCode);
        Assert.Contains("--bootstrap-servers", run.Error, StringComparison.Ordinal);
        Assert.Contains("CLOUDSYNC_BOOTSTRAP_SERVERS", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_of_the_client_come_from_the_environment_and_the_command_line_goes_before()
    {
        var environment = new Dictionary<string, string> { ["CLOUDSYNC_KAFKA__SASL__PASSWORD"] = "hush", ["CLOUDSYNC_KAFKA__security__protocol"] = "carrier-pigeon" };
        var refused = await Cli.RunOnAsync(Nowhere, "dlq list", environment: environment, cancellationToken: TestContext.Current.CancellationToken);
        var corrected = await Cli.RunOnAsync(
            Nowhere, "dlq list --timeout 1s --kafka security.protocol=plaintext", environment: environment, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Contains("security.protocol", refused.Error, StringComparison.Ordinal);
        Assert.Equal((CommandLine.Failed, CommandLine.Failed), (refused.ExitCode, corrected.ExitCode));
        Assert.Contains($"Kafka at {Nowhere}", corrected.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", refused.Error + corrected.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help", "dlq redrive -b kafka-1:9092 --group aws-sync-group --dry-run")]
    [InlineData("dlq --help", "list")]
    [InlineData("dlq list --help", "--error-type <TYPE>")]
    [InlineData("dlq show --help", "--payload")]
    [InlineData("dlq redrive --help", "--all-groups")]
    public async Task Help_is_there(string line, string expected)
    {
        var run = await Cli.RunOnAsync(Nowhere, line, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(CommandLine.Done, run.ExitCode);
        Assert.Contains(expected, run.Output, StringComparison.Ordinal);
    }
}
