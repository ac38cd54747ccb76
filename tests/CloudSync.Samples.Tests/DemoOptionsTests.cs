using Demo;
using Xunit;

namespace CloudSync.Samples.Tests;

public sealed class DemoOptionsTests
{
    [Fact]
    public void Nothing_on_the_command_line_means_ten_thousand_messages_on_the_embedded_kafka()
    {
        var options = DemoOptions.Parse([], out _);

        Assert.Equal(new DemoOptions { Messages = 10_000 }, options);
    }

    [Theory]
    [InlineData("--messages 5 --rate 7 --kafka a:1,b:2 --report r.json --keep-running")]
    [InlineData("--messages=5 --rate=7 --kafka=a:1,b:2 --report=r.json --keep-running")]
    public void Every_option_is_read_in_both_spellings(string line)
    {
        var options = DemoOptions.Parse(line.Split(' '), out _);

        Assert.Equal(
            new DemoOptions { Messages = 5, Rate = 7, Kafka = "a:1,b:2", Report = "r.json", KeepRunning = true }, options);
    }

    [Theory]
    [InlineData("--idempotency --redis a:1 --messages 1000")]
    [InlineData("--redis=a:1 --messages=1,000 --idempotency")]
    public void A_run_of_copies_has_a_redis_of_its_own(string line)
    {
        var options = DemoOptions.Parse(line.Split(' '), out _);

        Assert.Equal(new DemoOptions { Messages = 1_000, Idempotency = true, Redis = "a:1" }, options);
    }

    [Theory]
    [InlineData("--message 5", "'--message' is not an option.")]
    [InlineData("5", "'5' is not an option.")]
    [InlineData("--messages", "--messages needs a value.")]
    [InlineData("--messages --rate 5", "--messages needs a value.")]
    [InlineData("--messages=", "--messages needs a value.")]
    [InlineData("--messages 0", "--messages must be a whole number from 1 to 10,000,000, not '0'.")]
    [InlineData("--messages -5", "--messages must be a whole number from 1 to 10,000,000, not '-5'.")]
    [InlineData("--messages many", "--messages must be a whole number from 1 to 10,000,000, not 'many'.")]
    [InlineData("--messages 99999999999", "--messages must be a whole number from 1 to 10,000,000, not '99999999999'.")]
    [InlineData("--rate 1.5", "--rate must be a whole number from 1 to 1,000,000, not '1.5'.")]
    [InlineData("--rate 5 --rate 6", "--rate is given twice.")]
    [InlineData("--keep-running=yes", "--keep-running takes no value.")]
    [InlineData("--idempotency=yes", "--idempotency takes no value.")]
    [InlineData("--idempotency --messages 999", "--idempotency needs at least 1,000 --messages: with fewer there is no half-way.")]
    [InlineData("--idempotency --rate 5", "--rate and --keep-running are not for --idempotency.")]
    [InlineData("--keep-running --idempotency", "--rate and --keep-running are not for --idempotency.")]
    [InlineData("--redis a:1", "--redis is for --idempotency.")]
    [InlineData("--idempotency --redis 127.0.0.1", "--redis must be host:port[,host:port], 'embedded' or 'none', not '127.0.0.1'.")]
    [InlineData("--idempotency --redis a:1,b:x", "--redis must be host:port[,host:port], 'embedded' or 'none', not 'a:1,b:x'.")]
    [InlineData("--help=me", "--help takes no value.")]
    public void What_is_wrong_is_named(string line, string expected)
    {
        var options = DemoOptions.Parse(line.Split(' '), out var error);

        Assert.Null(options);
        Assert.Equal(expected, error);
    }
}
