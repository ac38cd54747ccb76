using Azure.Core;
using Azure.Identity;

namespace CloudSync.Sdk;

/// <summary>Makes the credential that the options name.</summary>
internal static class EntraCredentials
{
    public static TokenCredential Make(EntraTokenOptions options)
    {
        var clientId = string.IsNullOrEmpty(options.ClientId) ? null : options.ClientId;
        var tenantId = string.IsNullOrEmpty(options.TenantId) ? null : options.TenantId;
        switch (options.Credential)
        {
            case EntraCredential.ManagedIdentity:
                return new ManagedIdentityCredential(clientId is null ? ManagedIdentityId.SystemAssigned : ManagedIdentityId.FromUserAssignedClientId(clientId));
            case EntraCredential.WorkloadIdentity:
                var workload = new WorkloadIdentityCredentialOptions();
                if (clientId is not null)
                    workload.ClientId = clientId;
                if (tenantId is not null)
                    workload.TenantId = tenantId;
                return new WorkloadIdentityCredential(workload);
            case EntraCredential.Environment:
                return new EnvironmentCredential();
            default:
                var chain = new DefaultAzureCredentialOptions();
                if (clientId is not null)
                    chain.ManagedIdentityClientId = chain.WorkloadIdentityClientId = clientId;
                if (tenantId is not null)
                    chain.TenantId = tenantId;
                return new DefaultAzureCredential(chain);
        }
    }
}
