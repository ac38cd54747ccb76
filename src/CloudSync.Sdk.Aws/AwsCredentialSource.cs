using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
using Amazon.Runtime.Credentials;

namespace CloudSync.Sdk;

/// <summary>Gets credentials from the AWS SDK, which knows where they are and keeps them too.</summary>
internal sealed class AwsCredentialSource(string? profile, Func<AWSCredentials>? given, TimeProvider time) : IDisposable
{
    /// <summary>How often those are asked for anew that name no end: keys in a file that somebody may have changed, or those of an instance, which the SDK renews itself.</summary>
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMinutes(1);

    private readonly DefaultAWSCredentialsIdentityResolver _chain = new();

    /// <summary>The keys that are to be used now.</summary>
    /// <param name="wasRefused">Whether the endpoint refused the last ones.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<Credential<ImmutableCredentials>> FetchAsync(bool wasRefused, CancellationToken cancellationToken)
    {
        var credentials = given is not null ? given()
            : string.IsNullOrEmpty(profile) ? await _chain.ResolveIdentityAsync(null, cancellationToken).ConfigureAwait(false)
            : OfProfile(profile);
        if (wasRefused && credentials is RefreshingAWSCredentials refreshing)
            refreshing.ClearCredentials();

        var keys = await credentials.GetCredentialsAsync().ConfigureAwait(false)
            ?? throw new AmazonClientException($"{credentials.GetType().Name} gave no keys.");
        var now = time.GetUtcNow();
        return credentials.Expiration is { } expiration
            ? Credential<ImmutableCredentials>.Until(new DateTimeOffset(expiration.ToUniversalTime()), keys, now)
            : new Credential<ImmutableCredentials>(keys, DateTimeOffset.MaxValue, now + LookAgainAfter);
    }

    /// <summary>What a failure means, and what to do. What the SDK says of it is the cause, and no part of the text.</summary>
    public SinkException Describe(Exception e)
    {
        var advice = given is not null ? "They are made in code: look there."
            : !string.IsNullOrEmpty(profile) ? $"They were looked for in the profile '{profile}' of the shared files: see that it is there, for the user that this process runs as, and complete."
            : "They were looked for in AWS' default chain. Give the host a role (a service account's, the task's, the instance's), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or Profile.";
        var why = e is TimeoutException ? e.Message : $"The AWS SDK threw {e.GetType().Name}.";
        return new SinkException(ErrorType.Authentication, $"No AWS credentials to sign requests with. {why} {advice}", e);
    }

    public void Dispose() => _chain.Dispose();

    /// <summary>The SDK looks once in a process whether the file is there that the environment names, and if it is not, at another one for ever: a file that is mounted later would never be found. So it is told.</summary>
    private static AWSCredentials OfProfile(string name) =>
        (Environment.GetEnvironmentVariable("AWS_SHARED_CREDENTIALS_FILE") is { Length: > 0 } file && new CredentialProfileStoreChain(file).TryGetAWSCredentials(name, out var credentials))
        || new CredentialProfileStoreChain().TryGetAWSCredentials(name, out credentials)
            ? credentials
            : throw new AmazonClientException($"There is no profile '{name}' with credentials in the shared files.");
}
