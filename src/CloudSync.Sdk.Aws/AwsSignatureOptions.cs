namespace CloudSync.Sdk;

/// <summary>How requests are signed with AWS Signature Version 4. Checked at start; every error names the setting, its value and what would do.</summary>
public sealed class AwsSignatureOptions
{
    /// <summary>The region of the endpoint, such as <c>eu-central-1</c>: the one in its address, not the one that the host runs in. Required.</summary>
    public string Region { get; set; } = "";

    /// <summary>The service that the signature is for. Default <c>execute-api</c>, which is API Gateway; <c>lambda</c> is for the URL of a function. S3 signs otherwise, and is refused.</summary>
    public string Service { get; set; } = "execute-api";

    /// <summary>
    /// A profile of the shared files (<c>~/.aws/config</c>, <c>~/.aws/credentials</c>) that credentials are taken from, with the role that it may name. Default <see langword="null"/>: the
    /// AWS SDK's default chain: environment, web identity of a service account, shared files, container, instance.
    /// </summary>
    public string? Profile { get; set; }
}
