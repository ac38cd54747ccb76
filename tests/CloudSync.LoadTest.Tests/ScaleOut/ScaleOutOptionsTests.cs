using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

public sealed class ScaleOutOptionsTests
{
    [Fact]
    public void Without_the_option_there_are_steps() => Assert.Null(Parse("").ScaleOut);

    [Fact]
    public void Default_goes_up_to_four_and_back()
    {
        var options = Parse("--scale-out default");

        Assert.Equal([1, 2, 4, 2, 1], options.ScaleOut!);
        Assert.Equal((20, 20, 100_000), (options.Duration.TotalSeconds, options.EndpointLatency.TotalMilliseconds, options.Keys));
    }

    [Fact]
    public void Numbers_and_what_goes_with_them_are_read()
    {
        var options = Parse("--scale-out 2,3 --duration 5 --endpoint-ms 50 --keys 10 --partitions 6 --consumer MaxConcurrency=8 --out here");

        Assert.Equal([2, 3], options.ScaleOut!);
        Assert.Equal((5, 50, 10, 6, "here"), (options.Duration.TotalSeconds, options.EndpointLatency.TotalMilliseconds, options.Keys, options.Partitions, options.Out));
    }

    [Theory]
    [InlineData("--scale-out 0", "--scale-out 0: must be a whole number from 1 to 64.")]
    [InlineData("--scale-out 1,2,2", "--scale-out 1,2,2: a number must differ from the one before it.")]
    [InlineData("--scale-out 1,2 --steps 100", "--steps is for the steps, which --scale-out takes the place of.")]
    [InlineData("--scale-out 1,2 --endpoint-ms 0", "--endpoint-ms 0: must be a whole number from 1 to 5000.")]
    [InlineData("--scale-out 1,2 --consumer MaxBatchSize=x", "--consumer MaxBatchSize=x: must be a whole number from 1.")]
    public void What_can_not_be_understood_is_named(string line, string reason) => Assert.StartsWith(reason, Assert.Throws<FormatException>(() => Parse(line)).Message, StringComparison.Ordinal);

    private static Options Parse(string line) => Options.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), _ => null);
}
