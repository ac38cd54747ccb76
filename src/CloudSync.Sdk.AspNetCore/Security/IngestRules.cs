using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Hosting;
using Microsoft.IdentityModel.Tokens;

namespace CloudSync.Sdk.Ingest;

/// <summary>What the settings must be together. No text holds a key.</summary>
internal static class IngestRules
{
    private const int LeastSecretBytes = 32;
    private const string Group = nameof(CloudSyncIngestOptions.Authentication);

    public static IEnumerable<SettingProblem> Check(CloudSyncIngestOptions options) => [.. Across(options), .. Delay(options), .. Tokens(options.Authentication), .. MustBeMeant(options)];

    /// <summary>The keys that tokens may be signed with; where there are none though there should be, the setting and what is wrong with it.</summary>
    public static (IReadOnlyList<SecurityKey> Keys, SettingProblem? Problem) KeysOf(IngestAuthenticationOptions settings)
    {
        if (!string.IsNullOrWhiteSpace(settings.SymmetricKey))
            return SecretOf(settings.SymmetricKey) is { } secret
                ? ([new SymmetricSecurityKey(secret)], null)
                : ([], Of(nameof(settings.SymmetricKey), $"is not base64 of at least {LeastSecretBytes} bytes; openssl rand -base64 {LeastSecretBytes} makes one."));

        var text = settings.SigningKeys;
        var name = nameof(settings.SigningKeys);
        if (!string.IsNullOrWhiteSpace(settings.SigningKeysFile))
        {
            name = nameof(settings.SigningKeysFile);
            try
            {
                text = File.ReadAllText(settings.SigningKeysFile);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
            {
                return ([], Of(name, $"is '{settings.SigningKeysFile}', which can't be read ({e.GetType().Name}); it must name a file with public keys."));
            }
        }
        else if (string.IsNullOrWhiteSpace(text))
        {
            return ([], null);
        }

        var (keys, problem) = SigningKeyText.Read(text!);
        return (keys, problem is null ? null : Of(name, problem));
    }

    private static IEnumerable<SettingProblem> Across(CloudSyncIngestOptions options)
    {
        if (options.MaxBatchBodyBytes < options.MaxBodyBytes)
            yield return new SettingProblem(
                nameof(options.MaxBatchBodyBytes),
                $"is {SettingText.Format(options.MaxBatchBodyBytes)}; it must be at least MaxBodyBytes, {SettingText.Format(options.MaxBodyBytes)}, or a batch could not hold what fits alone.");
    }

    /// <summary>What is under way is finished after the delay, before the platform kills the process.</summary>
    private static IEnumerable<SettingProblem> Delay(CloudSyncIngestOptions options)
    {
        if (options.Grace is { } given && options.DrainDelay > given.LongestBefore)
            yield return new SettingProblem(
                nameof(options.DrainDelay),
                $"is {SettingText.Format(options.DrainDelay)}; it must be at most {SettingText.Format(given.LongestBefore)}: the platform kills the process after GraceTime, "
                + $"{SettingText.Format(given.Total)}, and what is under way is finished after the delay. Lower it, or raise GraceTime together with what the platform gives.");
    }

    private static IEnumerable<SettingProblem> Tokens(IngestAuthenticationOptions settings)
    {
        if (settings.IsEmpty)
            yield break;
        if (settings.AllowAnonymous)
        {
            yield return Of(nameof(settings.AllowAnonymous), "is true while other settings say how tokens are checked; leave one of them out.");
            yield break;
        }

        string?[] sources = [settings.Authority, settings.SigningKeys, settings.SigningKeysFile, settings.SymmetricKey];
        var given = sources.Count(source => !string.IsNullOrWhiteSpace(source));
        if (given != 1)
            yield return Of(
                nameof(settings.Authority), $"{(given == 0 ? "is empty and so are" : "is one of")} SigningKeys, SigningKeysFile and SymmetricKey"
                    + $"{(given == 0 ? "" : $", of which {given} are set")}; exactly one of the four must say what tokens are signed with.");
        if (string.IsNullOrWhiteSpace(settings.Audience))
            yield return Of(nameof(settings.Audience), "is empty; it must be what tokens for this API name in aud, or a token for any other API of the issuer would do.");

        if (!string.IsNullOrWhiteSpace(settings.Authority))
        {
            if (!Uri.TryCreate(settings.Authority, UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "http"))
                yield return Of(nameof(settings.Authority), $"is {SettingText.Quote("", settings.Authority)}; it must be the issuer's address, such as https://login.example.com/tenant.");
        }
        else if (string.IsNullOrWhiteSpace(settings.Issuer))
        {
            yield return Of(nameof(settings.Issuer), "is empty; it must be what tokens name in iss.");
        }

        if (KeysOf(settings).Problem is { } problem)
            yield return problem;
    }

    /// <summary>
    /// What is allowed in Development alone: an open front door, which elsewhere must be meant, and keys fetched over plain HTTP, which whoever sits between can replace by his own.
    /// </summary>
    private static IEnumerable<SettingProblem> MustBeMeant(CloudSyncIngestOptions options)
    {
        var settings = options.Authentication;
        if (settings.AllowAnonymous || options.Environment is not { } environment || environment.IsDevelopment())
            yield break;

        if (settings.IsEmpty)
            yield return new SettingProblem(
                Group,
                $"is empty, and the environment is {environment.EnvironmentName}: anybody could post messages. Set {Group}:{nameof(settings.Authority)} and {Group}:{nameof(settings.Audience)}, "
                + $"or {Group}:{nameof(settings.Issuer)}, {Group}:{nameof(settings.Audience)} and {Group}:{nameof(settings.SigningKeys)}. "
                + $"If nobody can reach this host but what checks its callers, set {Group}:{nameof(settings.AllowAnonymous)}=true.");
        else if (Uri.TryCreate(settings.Authority, UriKind.Absolute, out var authority) && authority.Scheme == Uri.UriSchemeHttp)
            yield return Of(
                nameof(settings.Authority),
                $"is {SettingText.Quote("", settings.Authority)}, and the environment is {environment.EnvironmentName}: it must begin with https, "
                + "or whoever sits between could give his own keys for the issuer's.");
    }

    private static byte[]? SecretOf(string base64)
    {
        var secret = new byte[base64.Length];
        return Convert.TryFromBase64String(base64.Trim(), secret, out var length) && length >= LeastSecretBytes ? secret[..length] : null;
    }

    private static SettingProblem Of(string name, string text) => new($"{Group}:{name}", text);
}
