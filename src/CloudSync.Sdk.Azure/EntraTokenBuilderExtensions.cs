using Azure.Core;
using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Lets a consumer's HTTP sink send tokens of Microsoft Entra ID.</summary>
public static class EntraTokenBuilderExtensions
{
    private static readonly HttpAuthorizer Authorizer = new(
        nameof(UseEntraToken),
        ["Authorization"],
        "It carried a token of Entra ID: check the token's Scope against the audience that the endpoint asks for, and the roles that the host's identity has there.");

    /// <summary>
    /// Sends a token of Microsoft Entra ID with each request, as <c>Authorization: Bearer …</c> (RFC 6750). It is kept, and renewed in the background before it expires. A subscription key of the
    /// sink's goes along.
    /// </summary>
    /// <param name="builder">The consumer, after <c>UseHttpSink</c>.</param>
    /// <param name="section">Where <see cref="EntraTokenOptions"/> are read from. A name in it that is no setting is an error.</param>
    /// <param name="configure">Changes the options in code, after the section has been read. Default: nothing.</param>
    /// <param name="credential">
    /// Makes a credential of yours, in place of the options': called at the first message, and again after the endpoint refused a token with a 401, since a credential keeps its tokens and only
    /// a new one gets another. Default <see langword="null"/>: the options' one.
    /// </param>
    /// <remarks>
    /// Without a token, a message fails with <see cref="ErrorType.Authentication"/>, which pauses consumption; the start does not fail.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The consumer has no HTTP sink yet.</exception>
    public static CloudSyncConsumerBuilder UseEntraToken(
        this CloudSyncConsumerBuilder builder,
        IConfiguration section,
        Action<EntraTokenOptions>? configure = null,
        Func<IServiceProvider, TokenCredential>? credential = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(section);

        var name = builder.Name;
        builder.UseAuthorizer(Authorizer, services => new EntraTokenHandler(services.GetRequiredKeyedService<RenewedCredential<EntraToken>>(name)));
        var options = builder.Services.AddCloudSyncOptions<EntraTokenOptions>(name, section, credential is null ? EntraTokenRules.Check : EntraTokenRules.CheckWithoutCredential);
        if (configure is not null)
            options.Configure(configure);

        // Owned by the container, so that nothing is under way after it.
        builder.Services.AddKeyedSingleton(name, (services, _) =>
        {
            var entra = services.GetRequiredService<IOptionsMonitor<EntraTokenOptions>>().Get(name);
            var time = services.GetService<TimeProvider>() ?? TimeProvider.System;
            var logger = services.GetService<ILoggerFactory>()?.CreateLogger("CloudSync.Sdk.Azure") ?? NullLogger.Instance;
            var source = credential is null
                ? new EntraTokenSource(entra.Scope, $"Credential is {entra.Credential}", () => EntraCredentials.Make(entra), time)
                : new EntraTokenSource(entra.Scope, "the credential is made in code", () => credential(services), time);
            return new RenewedCredential<EntraToken>(
                source.FetchAsync, source.Describe, (error, expiresOn) => EntraTokenLog.NotRenewed(logger, expiresOn, error.Message, error), time);
        });
        return builder;
    }
}
