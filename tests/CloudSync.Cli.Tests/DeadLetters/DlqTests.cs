using System.Globalization;
using System.Text.Json;
using CloudSync.Sdk;
using Spectre.Console;
using Xunit;

namespace CloudSync.Cli.Tests.DeadLetters;

public class DlqTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_list_shows_what_waits_and_counts_it_and_never_a_key_or_a_payload()
    {
        await using var cli = new Cli();
        await cli.WriteAsync("order-1");
        await cli.WriteAsync("order-2", group: "azure-sync-group");
        await cli.WriteAsync("order-3", reason: "[red]bold[/]\u001b[2J\nforged 0:99 line");

        var list = await cli.RunAsync("dlq list", cancellationToken: Cancelled);
        var filtered = await cli.RunAsync("dlq list --group aws-sync-group --limit 1 --error-type validationerror --since 2026-11-23", cancellationToken: Cancelled);
        var nothing = await cli.RunAsync("dlq list --id order-9", cancellationToken: Cancelled);

        Assert.Equal(CommandLine.Done, list.ExitCode);
        Assert.Contains("0:0", list.Output, StringComparison.Ordinal);
        Assert.Contains("2026-11-23T10:00:00Z", list.Output, StringComparison.Ordinal);
        Assert.Contains("[red]bold[/]\\u{1B}[2J\\u{A}forged", list.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", list.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", list.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("customer-17", list.Output, StringComparison.Ordinal);
        Assert.Matches(@"aws-sync-group +ValidationError +waiting +2", list.Output);
        Assert.Matches(@"azure-sync-group +ValidationError +waiting +1", list.Output);
        Assert.Contains("… and 1 more", filtered.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("azure-sync-group", filtered.Output, StringComparison.Ordinal);
        Assert.Contains("No such dead letters wait", nothing.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_is_one_object_a_line_without_key_and_payload()
    {
        await using var cli = new Cli();
        await cli.WriteAsync("order-1", reason: "a\nb\u001b");
        await cli.WriteAsync("order-2");

        var lines = (await cli.RunAsync("dlq list --json", cancellationToken: Cancelled)).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(["0:0", "0:1"], lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("position").GetString()));
        Assert.Equal("a\nb\u001b", JsonDocument.Parse(lines[0]).RootElement.GetProperty("exceptionMessage").GetString());
        Assert.All(lines, line => Assert.DoesNotContain("secret", line, StringComparison.Ordinal));
        Assert.All(lines, line => Assert.DoesNotContain("customer-17", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_letter_is_shown_by_position_or_id_and_its_payload_when_it_is_asked_for()
    {
        await using var cli = new Cli();
        await cli.WriteAsync("order-1", payload: "first\n  id            forged");
        await cli.WriteRecordAsync("no-text", "\u0001", (CloudEvents.Id, "order-2"), (DeadLetterHeaders.ErrorType, "NewKind"));

        var byPosition = await cli.RunAsync("dlq show 0:0", cancellationToken: Cancelled);
        var byId = await cli.RunAsync("dlq show order-1 --payload", cancellationToken: Cancelled);
        var bare = await cli.RunAsync("dlq show 0:1 --payload", cancellationToken: Cancelled);
        var json = await cli.RunAsync("dlq show 0:1 --payload --json", cancellationToken: Cancelled);
        var missing = await cli.RunAsync("dlq show 0:7", cancellationToken: Cancelled);

        Assert.Contains("cloudsync-dlq-attempts: 3", byPosition.Output, StringComparison.Ordinal);
        Assert.Contains("ce_id: order-1", byPosition.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("first\n", byPosition.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("customer-17", byPosition.Output, StringComparison.Ordinal);
        Assert.Contains("  │ customer-17", byId.Output, StringComparison.Ordinal);
        Assert.Contains("  │ first\n  │   id            forged", byId.Output, StringComparison.Ordinal);
        Assert.Contains("  │ 01", bare.Output, StringComparison.Ordinal);
        Assert.Contains("NewKind", bare.Output, StringComparison.Ordinal);
        Assert.Contains("not redrivable", bare.Output, StringComparison.Ordinal);
        Assert.Equal("AQ==", JsonDocument.Parse(json.Output).RootElement.GetProperty("payloadBase64").GetString());
        Assert.Equal(CommandLine.Failed, missing.ExitCode);
        Assert.Contains("0:7", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_sends_nothing_and_a_redrive_what_it_said()
    {
        await using var cli = new Cli();
        await cli.WriteAsync("order-1");
        await cli.WriteAsync("order-2", group: "azure-sync-group");
        await cli.WriteRecordAsync(null, "stranger");

        var plan = await cli.RunAsync("dlq redrive --consumer aws --dry-run", cancellationToken: Cancelled);
        Assert.Equal(0, cli.SentBack());
        Assert.Contains("1 letter would be sent back", plan.Output, StringComparison.Ordinal);
        Assert.Contains("1 records of the topic can't be redriven", plan.Output, StringComparison.Ordinal);
        Assert.Contains("0:2", plan.Output, StringComparison.Ordinal);

        var sent = await cli.RunAsync("dlq redrive --consumer aws --yes", cancellationToken: Cancelled);
        Assert.Equal(CommandLine.Done, sent.ExitCode);
        Assert.Contains("1 letter sent back", sent.Output, StringComparison.Ordinal);
        Assert.Equal(1, cli.SentBack());

        // Neither the letter nor its marker is in the list any more; with --all the letter is, and the marker still is none.
        var json = (await cli.RunAsync("dlq list --all --json", cancellationToken: Cancelled)).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["redriven", "waiting", "unreadable"], json.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("status").GetString()));

        var rest = await cli.RunAsync("dlq redrive --all-groups --yes --json", cancellationToken: Cancelled);
        var result = JsonDocument.Parse(rest.Output).RootElement;
        Assert.Equal((1, 1, 1), (result.GetProperty("sent").GetInt32(), result.GetProperty("redrivenBefore").GetInt32(), result.GetProperty("unreadable").GetInt32()));
        Assert.Equal(2, cli.SentBack());
    }

    [Theory]
    [InlineData("y", 1)]
    [InlineData("n", 0)]
    public async Task Somebody_at_a_terminal_is_asked(string answer, long sent)
    {
        await using var cli = new Cli();
        await cli.WriteAsync("order-1");

        var run = await cli.RunAsync("dlq redrive --group aws-sync-group", answer, cancellationToken: Cancelled);

        Assert.Equal(CommandLine.Done, run.ExitCode);
        Assert.Contains("1 letter would be sent back", run.Output, StringComparison.Ordinal);
        Assert.Equal(sent, cli.SentBack());
    }

    [Fact]
    public async Task Json_is_asked_for_with_an_answer_and_is_one_object_also_when_nothing_matches()
    {
        await using var cli = new Cli();
        await cli.WriteAsync("order-1");

        var unanswered = await cli.RunAsync("dlq redrive --group aws-sync-group --json", answer: "y", cancellationToken: Cancelled);
        var nothing = await cli.RunAsync("dlq redrive --group nobody --json --yes", cancellationToken: Cancelled);

        Assert.Equal(CommandLine.Wrong, unanswered.ExitCode);
        Assert.Contains("--yes", unanswered.Error, StringComparison.Ordinal);
        Assert.Equal(CommandLine.Done, nothing.ExitCode);
        Assert.Equal(0, JsonDocument.Parse(nothing.Output).RootElement.GetProperty("sent").GetInt32());
        Assert.Equal(0, cli.SentBack());
    }

    [Fact]
    public async Task A_letter_of_a_group_that_has_committed_nothing_is_not_sent_unless_that_is_meant()
    {
        await using var cli = new Cli();
        await cli.WriteAsync("order-1", group: "renamed-group");

        var refused = await cli.RunAsync("dlq redrive --all-groups --yes", cancellationToken: Cancelled);
        Assert.Equal(CommandLine.Failed, refused.ExitCode);
        Assert.Contains("0:0", refused.Error, StringComparison.Ordinal);
        Assert.Contains("renamed-group", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--allow-unknown-group", refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, cli.SentBack());

        Assert.Equal(CommandLine.Done, (await cli.RunAsync("dlq redrive --all-groups --yes --allow-unknown-group", cancellationToken: Cancelled)).ExitCode);
        Assert.Equal(1, cli.SentBack());
    }

    [Fact]
    public async Task Letters_of_several_topics_are_not_sent_until_one_is_named()
    {
        await using var cli = new Cli();
        await cli.WriteAsync("order-1");
        await cli.WriteAsync("forged", topic: "payments");

        var refused = await cli.RunAsync("dlq redrive --group aws-sync-group --yes", cancellationToken: Cancelled);
        Assert.Equal(CommandLine.Failed, refused.ExitCode);
        Assert.Contains("data-topic, payments", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--source-topic", refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, cli.SentBack());

        var named = await cli.RunAsync("dlq redrive --group aws-sync-group --source-topic data-topic --yes", cancellationToken: Cancelled);
        Assert.Contains("1 letter sent back", named.Output, StringComparison.Ordinal);
        Assert.Equal(1, cli.SentBack());
    }

    [Fact]
    public async Task A_long_name_of_a_group_does_not_fill_the_list()
    {
        await using var cli = new Cli();
        await cli.WriteAsync("order-1", group: new string('g', 10_000));

        var list = await cli.RunAsync("dlq list", cancellationToken: Cancelled);

        Assert.DoesNotContain(new string('g', 65), list.Output.ReplaceLineEndings(""), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_output_that_breaks_ends_as_a_failure_with_one_line()
    {
        await using var cli = new Cli();
        using var disk = new FullDisk();
        using var error = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(disk) });

        var code = await CommandLine.RunAsync(
            ["dlq", "list", "-b", cli.BootstrapServers], new Surroundings(console, error, new Dictionary<string, string>(), TimeProvider.System), Cancelled);

        Assert.Equal(CommandLine.Failed, code);
        Assert.Equal("No space left on device", error.ToString().TrimEnd());
    }

    [Fact]
    public async Task An_interrupted_run_says_how_far_it_came_and_the_next_one_goes_on()
    {
        const int Count = 40;
        await using var cli = new Cli();
        for (var i = 0; i < Count; i++)
            await cli.WriteAsync($"order-{i}");

        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var running = cli.RunAsync("dlq redrive --group aws-sync-group --yes --rate 20", cancellationToken: interrupt.Token);
        while (cli.SentBack() < 5)
            Assert.False(running.IsCompleted);

        await interrupt.CancelAsync();
        var run = await running;
        var sent = cli.SentBack();
        Assert.Equal(CommandLine.Interrupted, run.ExitCode);
        Assert.InRange(sent, 5, Count - 1);
        Assert.Contains($"{sent} letters sent and marked", run.Error, StringComparison.Ordinal);

        var rest = await cli.RunAsync("dlq redrive --group aws-sync-group --yes", cancellationToken: Cancelled);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"{Count - sent} letters sent back"), rest.Output, StringComparison.Ordinal);
        Assert.Equal(Count, cli.SentBack());
    }

    private sealed class FullDisk : StringWriter
    {
        public override Task WriteLineAsync(string? value) => throw new IOException("No space left on device");
    }
}
