using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>What the settings of a signature must be.</summary>
internal static class AwsSignatureRules
{
    public static IEnumerable<SettingProblem> Check(AwsSignatureOptions options)
    {
        if (!IsName(options.Region))
            yield return new SettingProblem(
                nameof(options.Region), $"is {SettingText.Quote("", options.Region ?? "")}; it must be the region in the endpoint's address, such as eu-central-1.");
        if (!IsName(options.Service))
            yield return new SettingProblem(
                nameof(options.Service), $"is {SettingText.Quote("", options.Service ?? "")}; it must be the name of a service in signatures, such as execute-api for API Gateway.");
        else if (options.Service == "s3")
            yield return new SettingProblem(nameof(options.Service), "is 's3', which signs in a way of its own and takes no messages; it must be the service of the endpoint, such as execute-api.");
    }

    /// <summary>When the credentials come from code, a profile would be passed over.</summary>
    public static IEnumerable<SettingProblem> CheckWithoutCredentials(AwsSignatureOptions options)
    {
        foreach (var problem in Check(options))
            yield return problem;
        if (!string.IsNullOrEmpty(options.Profile))
            yield return new SettingProblem(nameof(options.Profile), "is set, and the credentials are made in code; leave one of them out.");
    }

    private static bool IsName(string? text) => !string.IsNullOrEmpty(text) && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
