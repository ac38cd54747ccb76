namespace CloudSync.Sdk;

/// <summary>For what, and as whom, Microsoft Entra ID is asked for tokens. Checked at start; every error names the setting, its value and what would do.</summary>
public sealed class EntraTokenOptions
{
    /// <summary>What the token is for: the endpoint's application, followed by <c>/.default</c>, such as <c>api://7a1f…/.default</c>. Required.</summary>
    public string Scope { get; set; } = "";

    /// <summary>
    /// The tenant, as an id or a name. Default <see langword="null"/>: <c>AZURE_TENANT_ID</c>, which a workload identity and the environment bring along. A managed identity has its own, and
    /// <see cref="EntraCredential.Environment"/> reads the variable alone: there it is refused.
    /// </summary>
    public string? TenantId { get; set; }

    /// <summary>
    /// The client id of a workload identity, or of a managed identity that was assigned by a user. Default <see langword="null"/>: <c>AZURE_CLIENT_ID</c>, or the identity of the system. With
    /// <see cref="EntraCredential.Environment"/>, which reads the variable alone, it is refused.
    /// </summary>
    public string? ClientId { get; set; }

    /// <summary>Who the host is. Default <see cref="EntraCredential.Default"/>; in production, naming the one that is there fails sooner and says more.</summary>
    public EntraCredential Credential { get; set; } = EntraCredential.Default;
}

/// <summary>Who a host is for Microsoft Entra ID.</summary>
public enum EntraCredential
{
    /// <summary>The first of Azure's default chain: environment, workload identity, managed identity, then what a developer is signed in with.</summary>
    Default = 0,

    /// <summary>The managed identity of the machine, container or app.</summary>
    ManagedIdentity,

    /// <summary>The workload identity of a Kubernetes service account.</summary>
    WorkloadIdentity,

    /// <summary>
    /// An application with a secret or a certificate, by variables: <c>AZURE_TENANT_ID</c>, <c>AZURE_CLIENT_ID</c>, and <c>AZURE_CLIENT_SECRET</c> or <c>AZURE_CLIENT_CERTIFICATE_PATH</c>.
    /// </summary>
    Environment,
}
