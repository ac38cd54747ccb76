using CloudSync.LoadTest.ScaleOut;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

public sealed class GroupCapacityTests
{
    [Fact]
    public void Four_calls_of_25_in_20_ms_are_5000_a_second() => Assert.Equal((100, 5_000), (Of().UnderWay, Of().PerSecond));

    [Fact]
    public void Given_settings_count_in_whatever_case() => Assert.Equal((200, 10_000), (Of(("maxConcurrency", "8")).UnderWay, Of(("maxConcurrency", "8")).PerSecond));

    [Fact]
    public void The_embedded_brokers_have_a_shorter_session() =>
        Assert.NotEqual(Of().Settings["Kafka:session.timeout.ms"], GroupCapacity.Of([], TimeSpan.FromMilliseconds(20), isEmbedded: true).Settings["Kafka:session.timeout.ms"]);

    [Theory]
    [InlineData("0")]
    [InlineData("many")]
    public void What_is_no_number_is_named(string value) => Assert.Equal($"--consumer MaxBatchSize={value}: must be a whole number from 1.", Assert.Throws<FormatException>(() => Of(("MaxBatchSize", value))).Message);

    private static GroupCapacity Of(params (string Name, string Value)[] given) =>
        GroupCapacity.Of(given.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)), TimeSpan.FromMilliseconds(20), isEmbedded: false);
}
