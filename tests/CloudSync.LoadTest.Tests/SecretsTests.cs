using Xunit;

namespace CloudSync.LoadTest.Tests;

public sealed class SecretsTests
{
    [Theory]
    [InlineData("--producer Kafka:sasl.password=***", "--producer", "Kafka:sasl.password=hunter2")]
    [InlineData("--producer Kafka:SASL.JAAS.config=***", "--producer", "Kafka:SASL.JAAS.config=module required username=\"a\";")]
    [InlineData("--consumer Auth:ClientSecret=***", "--consumer", "Auth:ClientSecret=hunter2=")]
    [InlineData("--consumer ApiKey=***", "--consumer", "ApiKey=hunter2")]
    [InlineData("--consumer BearerTOKEN=***", "--consumer", "BearerTOKEN=hunter2")]
    [InlineData("--consumer Connection=***", "--consumer", "Connection=Endpoint=sb://a;SharedAccessKey=hunter2")]
    [InlineData("--api https://example.com/", "--api", "https://me:hunter2@example.com/")]
    [InlineData("--api https://example.com?code=***", "--api", "https://me:key@example.com?code=hunter2=")]
    [InlineData("--keys 10 --consumer MaxConcurrency=32 --kafka a:9092", "--keys", "10", "--consumer", "MaxConcurrency=32", "--kafka", "a:9092")]
    public void What_is_shown_of_a_command_line_has_no_secret(string shown, params string[] args) => Assert.Equal(shown, Secrets.Hide(args));

    [Fact]
    public void Nor_has_an_address() => Assert.Equal("https://example.com:8443/", Secrets.Hide(new Uri("https://me:hunter2@example.com:8443/")).ToString());
}
