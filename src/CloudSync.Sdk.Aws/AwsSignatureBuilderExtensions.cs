using Amazon.Runtime;
using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Signs the requests of a consumer's HTTP sink for AWS.</summary>
public static class AwsSignatureBuilderExtensions
{
    private static readonly HttpAuthorizer Authorizer = new(
        nameof(SignWithAws),
        ["Authorization", RequestSigner.DateHeader, RequestSigner.TokenHeader, RequestSigner.HashHeader],
        "It was signed with AWS credentials: check that their role may call this address (execute-api:Invoke), and the signature's Region and Service.");

    /// <summary>
    /// Signs each request with AWS Signature Version 4, for an API Gateway whose methods ask for IAM. Credentials come from the AWS SDK's default chain, or a profile; they are renewed
    /// in the background before they expire. An API key of the sink's goes along.
    /// </summary>
    /// <param name="builder">The consumer, after <c>UseHttpSink</c>.</param>
    /// <param name="section">Where <see cref="AwsSignatureOptions"/> are read from. A name in it that is no setting is an error.</param>
    /// <param name="configure">Changes the options in code, after the section has been read. Default: nothing.</param>
    /// <param name="credentials">
    /// Gives credentials of yours, in place of the chain's: called at the first message, and when they are to be renewed, so let it return the same object. Default <see langword="null"/>: the
    /// chain.
    /// </param>
    /// <remarks>
    /// Without credentials, a message fails with <see cref="ErrorType.Authentication"/>, which pauses consumption; the start does not fail. A clock that is more than 4 min off is corrected by
    /// the endpoint's, once it has refused a signature for it.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The consumer has no HTTP sink yet.</exception>
    public static CloudSyncConsumerBuilder SignWithAws(
        this CloudSyncConsumerBuilder builder,
        IConfiguration section,
        Action<AwsSignatureOptions>? configure = null,
        Func<IServiceProvider, AWSCredentials>? credentials = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(section);

        var name = builder.Name;
        builder.UseAuthorizer(Authorizer, services => Handler(services, name));
        var options = builder.Services.AddCloudSyncOptions<AwsSignatureOptions>(
            name, section, credentials is null ? AwsSignatureRules.Check : AwsSignatureRules.CheckWithoutCredentials);
        if (configure is not null)
            options.Configure(configure);

        // Owned by the container, so that nothing is under way after it.
        builder.Services.AddKeyedSingleton(name, (services, _) => new AwsCredentialSource(
            Options(services, name).Profile, credentials is null ? null : () => credentials(services), Time(services)));
        builder.Services.AddKeyedSingleton(name, (services, _) =>
        {
            var source = services.GetRequiredKeyedService<AwsCredentialSource>(name);
            var logger = Logger(services);
            return new RenewedCredential<ImmutableCredentials>(
                source.FetchAsync, source.Describe, (error, expiresOn) => AwsSignatureLog.NotRenewed(logger, expiresOn, error.Message, error), Time(services));
        });
        return builder;
    }

    private static AwsSignatureHandler Handler(IServiceProvider services, string name)
    {
        var options = Options(services, name);
        return new AwsSignatureHandler(
            new RequestSigner(options.Region, options.Service),
            services.GetRequiredKeyedService<RenewedCredential<ImmutableCredentials>>(name),
            Time(services),
            Logger(services));
    }

    private static AwsSignatureOptions Options(IServiceProvider services, string name) => services.GetRequiredService<IOptionsMonitor<AwsSignatureOptions>>().Get(name);

    private static TimeProvider Time(IServiceProvider services) => services.GetService<TimeProvider>() ?? TimeProvider.System;

    private static ILogger Logger(IServiceProvider services) => services.GetService<ILoggerFactory>()?.CreateLogger("CloudSync.Sdk.Aws") ?? NullLogger.Instance;
}
