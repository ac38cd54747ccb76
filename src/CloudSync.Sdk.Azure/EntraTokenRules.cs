using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>What the settings of a token must be together.</summary>
internal static class EntraTokenRules
{
    public static IEnumerable<SettingProblem> Check(EntraTokenOptions options)
    {
        if (Scope(options) is { } problem)
            yield return problem;

        if (!string.IsNullOrEmpty(options.TenantId) && options.Credential is EntraCredential.ManagedIdentity or EntraCredential.Environment)
            yield return new SettingProblem(nameof(options.TenantId), Unused(options.Credential, "AZURE_TENANT_ID", "has a tenant of its own"));
        if (!string.IsNullOrEmpty(options.ClientId) && options.Credential is EntraCredential.Environment)
            yield return new SettingProblem(nameof(options.ClientId), Unused(options.Credential, "AZURE_CLIENT_ID", ""));
    }

    /// <summary>When the credential comes from code, whatever says who it is would be passed over.</summary>
    public static IEnumerable<SettingProblem> CheckWithoutCredential(EntraTokenOptions options)
    {
        const string Why = "is set, and the credential is made in code; set it there.";
        if (Scope(options) is { } problem)
            yield return problem;
        if (!string.IsNullOrEmpty(options.TenantId))
            yield return new SettingProblem(nameof(options.TenantId), Why);
        if (!string.IsNullOrEmpty(options.ClientId))
            yield return new SettingProblem(nameof(options.ClientId), Why);
        if (options.Credential != EntraCredential.Default)
            yield return new SettingProblem(nameof(options.Credential), Why);
    }

    private static SettingProblem? Scope(EntraTokenOptions options)
    {
        const string Path = nameof(options.Scope);
        const string Must = "it must name the endpoint's application, followed by /.default, such as api://my-application/.default.";
        if (string.IsNullOrWhiteSpace(options.Scope))
            return new SettingProblem(Path, $"is empty; {Must}");

        // A host signs in as itself, and then no other scope is given out.
        return !options.Scope.EndsWith("/.default", StringComparison.Ordinal) || options.Scope.Any(char.IsWhiteSpace)
            ? new SettingProblem(Path, $"is {SettingText.Quote(Path, options.Scope)}; {Must}")
            : null;
    }

    private static string Unused(EntraCredential credential, string variable, string why) =>
        credential == EntraCredential.Environment
            ? $"is set while Credential is Environment, which reads {variable}; set that, or leave Credential out."
            : $"is set while Credential is {credential}, which {why}; leave it out.";
}
