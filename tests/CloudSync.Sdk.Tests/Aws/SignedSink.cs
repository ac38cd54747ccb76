using Amazon.Runtime;
using CloudSync.Sdk.Tests.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace CloudSync.Sdk.Tests.Aws;

/// <summary>A sink whose requests are signed, made the way a user makes it.</summary>
internal sealed class SignedSink : IAsyncDisposable
{
    public const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    private readonly ServiceProvider _services;

    public SignedSink(string url, TimeProvider? time, Func<AWSCredentials>? credentials, params (string Key, string? Value)[] settings)
    {
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory>(new LoggerFactory([new FakeLoggerProvider(Log)]));
        if (time is not null)
            services.AddSingleton(time);
        new CloudSyncConsumerBuilder("aws", services)
            .UseHttpSink(TestSink.Section([("Url", url), .. settings.Where(s => !s.Key.StartsWith("Aws", StringComparison.Ordinal))]))
            .SignWithAws(
                Section([("Region", "eu-central-1"), .. settings.Where(s => s.Key.StartsWith("Aws", StringComparison.Ordinal)).Select(s => (s.Key[3..], s.Value))]),
                credentials: credentials is null ? null : _ => credentials());
        _services = services.BuildServiceProvider(validateScopes: true);
    }

    public FakeLogCollector Log { get; } = new();

    public IBatchCloudSink Batch => _services.GetRequiredKeyedService<IBatchCloudSink>("aws");

    public static AWSCredentials Keys { get; } = new BasicAWSCredentials("AKIDEXAMPLE", Secret);

    public static IConfigurationSection Section(params (string Key, string? Value)[] settings) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(s => new KeyValuePair<string, string?>("CloudSync:AwsSignature:" + s.Key, s.Value)))
            .Build()
            .GetSection("CloudSync:AwsSignature");

    public async Task Send(string id) =>
        await _services.GetRequiredKeyedService<ICloudSink>("aws").SendAsync(Messages.Json(id, $$"""{"id":"{{id}}"}"""), Xunit.TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
