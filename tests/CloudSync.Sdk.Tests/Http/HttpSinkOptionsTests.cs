using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.Sdk.Tests.Http;

public class HttpSinkOptionsTests
{
    [Fact]
    public void The_defaults_need_only_the_address()
    {
        Assert.Null(Problems(("Url", "https://api.example.com/in?code=1")));
    }

    [Fact]
    public void All_problems_come_in_one_message_that_names_key_value_and_remedy_and_shows_no_secret()
    {
        var message = Problems(
            ("Url", "api.example.com/in?code=SECRET"), ("Modus", "Batch"), ("Mode", "Many"), ("MaxRetryAfter", "2"), ("MaxResponseBytes", "1"),
            ("ApiKeyHeader", "x api key"), ("ApiKey", "SECRET\n"), ("BearerToken", "Bearer SECRET"), ("BearerTokenProvider", "x"),
            ("Headers:ce-id", "SECRET"), ("Headers:Content-Type", "a/b"), ("Headers:Authorization", "SECRET\r\n"), ("DefaultContentType", "json"));

        Assert.Equal(
            [
                "14 settings are wrong:",
                "CloudSync:AwsEndpoint:ApiKey holds a character that a header can't carry, the 7. of 7 (a line break at the end of a file?); give visible ASCII characters.",
                "CloudSync:AwsEndpoint:ApiKeyHeader is 'x api key'; a header's name holds only letters, digits and !#$%&'*+-.^_`|~.",
                "CloudSync:AwsEndpoint:BearerToken begins with the word Bearer, which is added by itself; give the token alone.",
                "CloudSync:AwsEndpoint:BearerToken is set while another setting sends Authorization; leave one of them out.",
                "CloudSync:AwsEndpoint:BearerTokenProvider can't be set by configuration; set it in code, and leave it out here.",
                "CloudSync:AwsEndpoint:DefaultContentType is 'json'; it must be a media type such as application/json.",
                "CloudSync:AwsEndpoint:Headers:Authorization holds a character that a header can't carry, the 7. of 8 (a line break at the end of a file?); give visible ASCII characters.",
                "CloudSync:AwsEndpoint:Headers:Content-Type names the header 'Content-Type', which describes the body and is the sink's; leave it out.",
                "CloudSync:AwsEndpoint:Headers:ce-id names the header 'ce-id', which the sink writes itself; leave it out.",
                "CloudSync:AwsEndpoint:MaxResponseBytes is 1; it must be from 1,024 to 67,108,864.",
                "CloudSync:AwsEndpoint:MaxRetryAfter is '2'; it must be a time from 00:00:01 to 1.00:00:00, written like 00:00:30 or 30s (ms, s, m, h, d).",
                "CloudSync:AwsEndpoint:Mode is 'Many'; it must be one of Single, Batch.",
                "CloudSync:AwsEndpoint:Modus is not a setting; did you mean Mode?",
                "CloudSync:AwsEndpoint:Url is 'api.example.com/in?…'; it must be the endpoint's absolute http or https address, such as https://api.example.com/messages.",
            ],
            message!.Split(Environment.NewLine).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("/in")]
    [InlineData("ftp://example.com/in")]
    [InlineData("file:///in")]
    [InlineData("https://user:SECRET@example.com/in")]
    [InlineData("https://user:SECRET@exa mple.com/in")]
    [InlineData("https://example.com/in#part")]
    public void An_address_that_can_not_be_posted_to_is_refused(string url)
    {
        var message = Problems(("Url", url));

        Assert.StartsWith("CloudSync:AwsEndpoint:Url ", message, StringComparison.Ordinal);
        Assert.DoesNotContain("SECRET", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ApiKeyHeader", "x-api-key", null, null)]
    [InlineData("ApiKey", "SECRET", null, null)]
    [InlineData("ApiKeyHeader", "x-api-key", "ApiKey", "")]
    [InlineData("ApiKeyHeader", "Idempotency-Key", "ApiKey", "SECRET")]
    [InlineData("ApiKeyHeader", "x-api-key", "ApiKey", "SECRÉT")]
    [InlineData("BearerToken", "SEC RET", null, null)]
    [InlineData("Headers:x", " SECRET", null, null)]
    [InlineData("Headers:Transfer-Encoding", "SECRET", null, null)]
    public void Keys_and_headers_that_can_not_be_sent_are_refused(string key, string value, string? key2, string? value2)
    {
        (string, string?)[] settings = key2 is null ? [("Url", "https://example.com"), (key, value)] : [("Url", "https://example.com"), (key, value), (key2, value2)];

        var message = Problems(settings);

        Assert.NotNull(message);
        Assert.DoesNotContain("SEC", message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_header_from_two_settings_is_refused()
    {
        Assert.Contains(
            "ApiKeyHeader is 'X-Api-Key', which Headers holds too",
            Problems(("Url", "https://example.com"), ("ApiKeyHeader", "X-Api-Key"), ("ApiKey", "k"), ("Headers:x-api-key", "k")),
            StringComparison.Ordinal);

        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("aws", services).UseHttpSink(
            TestSink.Section(("Url", "https://example.com"), ("BearerToken", "t")), o => o.BearerTokenProvider = _ => ValueTask.FromResult("t"));
        Assert.Contains("BearerToken is set together with BearerTokenProvider", Start(services), StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_key_from_a_variable_that_is_not_set_is_no_key()
    {
        Assert.Null(Problems(("Url", "https://example.com"), ("ApiKeyHeader", ""), ("ApiKey", ""), ("BearerToken", "")));
    }

    [Fact]
    public async Task The_mode_chooses_the_kind_of_sink_and_can_not_change_afterwards()
    {
        await using var single = TestSink.To("https://example.com");
        await using var batch = TestSink.With(o => o.Mode = HttpSinkMode.Batch, null, ("Url", "https://example.com"));
        Assert.IsType<HttpSink>(single.Single);
        Assert.Throws<InvalidOperationException>(() => single.Batch);
        Assert.IsType<HttpBatchSink>(batch.Batch);
        Assert.Throws<InvalidOperationException>(() => batch.Single);

        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("aws", services).UseHttpSink(TestSink.Section(("Url", "https://example.com")));
        services.Configure<HttpSinkOptions>("aws", o => o.Mode = HttpSinkMode.Batch);
        Assert.Contains("CloudSync:AwsEndpoint:Mode is Batch, but was Single when the sink was registered", Start(services), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_consumer_has_an_endpoint_and_a_client_of_its_own()
    {
        await using var endpoint = await TestEndpoint.Start();
        var services = new ServiceCollection();
        var clients = new List<string>();
        foreach (var name in (string[])["aws", "azure"])
            new CloudSyncConsumerBuilder(name, services).UseHttpSink(
                TestSink.Section(("Url", endpoint.Url + "/" + name)), configureClient: client => clients.Add(client.Name));
        await using var provider = services.BuildServiceProvider();

        foreach (var name in (string[])["aws", "azure"])
            await provider.GetRequiredKeyedService<ICloudSink>(name).SendAsync(Messages.Json("a"), TestContext.Current.CancellationToken);

        Assert.Equal(["cloudsync-aws", "cloudsync-azure"], clients);
        Assert.Equal(["/aws", "/azure"], endpoint.Requests.Select(r => r.Target));
    }

    [Fact]
    public void A_sink_made_by_hand_checks_its_options_too()
    {
        using var client = new HttpClient();

        var error = Assert.Throws<OptionsValidationException>(() => new HttpBatchSink(client, new HttpSinkOptions { MaxResponseBytes = 0 }));

        Assert.Contains("HttpSinkOptions.Url is empty", error.Message, StringComparison.Ordinal);
        Assert.Contains("HttpSinkOptions.MaxResponseBytes is 0", error.Message, StringComparison.Ordinal);
    }

    private static string? Problems(params (string Key, string? Value)[] settings)
    {
        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("aws", services).UseHttpSink(TestSink.Section(settings));
        return Start(services);
    }

    private static string? Start(ServiceCollection services)
    {
        using var provider = services.BuildServiceProvider();
        return Record.Exception(() => provider.GetRequiredService<IStartupValidator>().Validate()) is { } error
            ? Assert.IsType<OptionsValidationException>(error).Message
            : null;
    }
}
