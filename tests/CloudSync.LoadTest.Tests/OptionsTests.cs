using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Parts;
using Xunit;

namespace CloudSync.LoadTest.Tests;

public sealed class OptionsTests
{
    [Fact]
    public void Without_words_the_whole_path_is_asked_for_all_rates()
    {
        var options = Parse();

        Assert.Equal(Target.Path, options.Target);
        Assert.Equal(Ladder.Full, options.Steps);
        Assert.Equal(TimeSpan.FromSeconds(10), options.Duration);
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("True", true)]
    [InlineData("false", false)]
    [InlineData("", false)]
    public void The_environment_may_ask_for_a_quick_run(string value, bool isQuick) =>
        Assert.Equal(isQuick ? Ladder.Quick : Ladder.Full, Options.Parse([], name => name == Options.QuickVariable ? value : null).Steps);

    [Fact]
    public void A_quick_run_still_takes_steps_and_durations_that_are_given()
    {
        var options = Parse("--quick", "--steps", "10,20", "--duration", "7");

        Assert.Equal([10, 20], options.Steps);
        Assert.Equal(TimeSpan.FromSeconds(7), options.Duration);
    }

    [Fact]
    public void Settings_of_the_parts_may_be_given_several_times()
    {
        var options = Parse("--consumer", "MaxConcurrency=32", "--consumer", "Kafka:fetch.min.bytes=1", "--producer", "Preset=HighThroughput", "--fault", "drop");

        Assert.Equal(["MaxConcurrency=32", "Kafka:fetch.min.bytes=1"], options.Consumer.Select(pair => $"{pair.Key}={pair.Value}"));
        Assert.Equal("Preset=HighThroughput", options.Producer.Select(pair => $"{pair.Key}={pair.Value}").Single());
        Assert.Equal(Fault.Drop, options.Fault);
    }

    [Fact]
    public void Of_a_setting_that_is_given_twice_the_last_counts() =>
        Assert.Equal("MaxConcurrency=2", Parse("--consumer", "MaxConcurrency=1", "--consumer", "MaxConcurrency=2").Consumer.Select(pair => $"{pair.Key}={pair.Value}").Single());

    [Theory]
    [InlineData("0", 20)]
    [InlineData("5000", 20)]
    [InlineData("30000", 90)]
    public void An_endpoint_that_is_slow_is_waited_for_as_long_as_its_calls_take(string milliseconds, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Parse("--endpoint-ms", milliseconds).Standstill);

    [Fact]
    public void A_token_comes_from_the_environment_where_no_list_of_processes_shows_it() =>
        Assert.Equal("secret", Options.Parse(["--target", "api", "--api", "https://example.com"], name => name == Options.TokenVariable ? "secret" : null).Token);

    [Theory]
    [InlineData("--step is not understood", "--step", "1")]
    [InlineData("--steps lacks its value", "--steps")]
    [InlineData("--steps 0: must be a whole number from 1 to", "--steps", "1,0")]
    [InlineData("--steps x: must be a whole number", "--steps", "x")]
    [InlineData("--duration 0: must be", "--duration", "0")]
    [InlineData("--batch 501: must be a whole number from 1 to 500", "--batch", "501")]
    [InlineData("--payload 63: must be a whole number from 64", "--payload", "63")]
    [InlineData("--target kafka: must be one of path, api, producer", "--target", "kafka")]
    [InlineData("--target 1: must be one of", "--target", "1")]
    [InlineData("--consumer MaxConcurrency: must be a name, = and a value", "--consumer", "MaxConcurrency")]
    [InlineData("--api example: must be an http or https address", "--target", "api", "--api", "example")]
    [InlineData("--api needs --target api", "--api", "http://localhost:5080")]
    [InlineData("--api http://localhost:5080/v1: must have no path", "--target", "api", "--api", "http://me:hunter2@localhost:5080/v1")]
    [InlineData("--out: must be a folder.", "--out", "")]
    [InlineData("--fault changes nothing here: --target api has no such part", "--target", "api", "--fault", "drop")]
    [InlineData("--hosts all: must be one of ours, bare", "--hosts", "all")]
    [InlineData("--hosts changes nothing here: --target producer has no such part", "--target", "producer", "--hosts", "bare")]
    [InlineData("--consumer changes nothing here: bare hosts have no settings", "--hosts", "bare", "--consumer", "A=B")]
    [InlineData("--ingest changes nothing here: --target producer has no such part", "--target", "producer", "--ingest", "A=B")]
    [InlineData("--producer changes nothing here: an API that is there has settings of its own", "--target", "api", "--api", "http://localhost:5080", "--producer", "A=B")]
    public void What_is_wrong_is_said_with_how_to_use_it(string says, params string[] args)
    {
        var error = Assert.Throws<FormatException>(() => Parse(args));

        Assert.StartsWith(says, error.Message, StringComparison.Ordinal);
        Assert.EndsWith(Options.Hint, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_quick_run_that_is_neither_asked_for_nor_not_is_an_error() =>
        Assert.StartsWith("QUICK_TEST=yes: must be true or false.", Assert.Throws<FormatException>(() => Options.Parse([], name => name == Options.QuickVariable ? "yes" : null)).Message, StringComparison.Ordinal);

    private static Options Parse(params string[] args) => Options.Parse(args, _ => null);
}
