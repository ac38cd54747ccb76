using System.Globalization;
using System.Security.Cryptography;
using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>What the settings of a Redis store must be together. No text holds a password.</summary>
internal static class RedisIdempotencyRules
{
    private const int LongestPrefix = 100;

    public static IEnumerable<SettingProblem> Check(RedisIdempotencyOptions options) =>
        [.. Endpoints(options.Endpoints), .. Credentials(options), .. Tls(options), .. KeyPrefix(options.KeyPrefix)];

    /// <summary>When the connection comes from code, whatever says how to connect is an error: it would be passed over.</summary>
    public static IEnumerable<SettingProblem> CheckWithoutConnection(RedisIdempotencyOptions options)
    {
        const string Why = "is set, and the connection is made in code; set it there.";
        if (!string.IsNullOrEmpty(options.Endpoints))
            yield return new SettingProblem(nameof(options.Endpoints), Why);
        if (!string.IsNullOrEmpty(options.User))
            yield return new SettingProblem(nameof(options.User), Why);
        if (!string.IsNullOrEmpty(options.Password))
            yield return new SettingProblem(nameof(options.Password), Why);
        if (options.Tls)
            yield return new SettingProblem(nameof(options.Tls), Why);
        foreach (var problem in Tls(options).Concat(KeyPrefix(options.KeyPrefix)))
            yield return problem;
    }

    private static IEnumerable<SettingProblem> Endpoints(string? value)
    {
        const string Path = nameof(RedisIdempotencyOptions.Endpoints);
        if (string.IsNullOrWhiteSpace(value))
        {
            yield return new SettingProblem(Path, "is empty; it must name Redis' addresses, such as redis-1:6379,redis-2:6379.");
            yield break;
        }

        foreach (var entry in value.Split(','))
        {
            if (!RedisEndpoint.TryParse(entry, out _))
                yield return new SettingProblem(
                    Path, $"holds {SettingText.Quote(Path, entry.Trim())}; each address must be host:port, such as redis-1:6379, separated by commas. User, Password and Tls are settings of their own.");
        }
    }

    private static IEnumerable<SettingProblem> Credentials(RedisIdempotencyOptions options)
    {
        if (!string.IsNullOrEmpty(options.User) && string.IsNullOrEmpty(options.Password))
            yield return new SettingProblem(nameof(options.Password), "is empty while User is set; give the user's password, or leave both out.");
    }

    private static IEnumerable<SettingProblem> Tls(RedisIdempotencyOptions options)
    {
        var files = new (string Path, string? File)[]
        {
            (nameof(options.TlsCaFile), options.TlsCaFile), (nameof(options.TlsCertificateFile), options.TlsCertificateFile), (nameof(options.TlsKeyFile), options.TlsKeyFile),
        };
        foreach (var (path, _) in files.Where(f => !string.IsNullOrEmpty(f.File) && !options.Tls))
            yield return new SettingProblem(path, "is set while Tls is false; set Tls, or leave it out.");

        if (!options.Tls)
            yield break;

        if (!string.IsNullOrEmpty(options.TlsKeyFile) && string.IsNullOrEmpty(options.TlsCertificateFile))
            yield return new SettingProblem(nameof(options.TlsCertificateFile), "is empty while TlsKeyFile is set; name the file of the certificate, or leave both out.");

        var missing = files.Where(f => !string.IsNullOrEmpty(f.File) && !File.Exists(f.File)).ToList();
        foreach (var (path, file) in missing)
            yield return new SettingProblem(path, $"is '{file}', and there is no such file.");

        if (missing.Count == 0 && Unreadable(options) is { } problem)
            yield return problem;
    }

    private static SettingProblem? Unreadable(RedisIdempotencyOptions options)
    {
        var path = nameof(options.TlsCaFile);
        try
        {
            if (RedisTls.Authorities(options) is { Count: 0 })
                return new SettingProblem(path, $"is '{options.TlsCaFile}', which holds no certificate in PEM.");

            path = nameof(options.TlsCertificateFile);
            RedisTls.ClientCertificate(options)?.Dispose();
            return null;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new SettingProblem(path, $"can't be read: {e.Message}");
        }
    }

    private static IEnumerable<SettingProblem> KeyPrefix(string? value)
    {
        const string Path = nameof(RedisIdempotencyOptions.KeyPrefix);
        if (string.IsNullOrEmpty(value) || value.Length > LongestPrefix || !value.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or ':'))
            yield return new SettingProblem(
                Path, string.Create(CultureInfo.InvariantCulture, $"is {SettingText.Quote("", value ?? "")}; it must have 1 to {LongestPrefix} of the characters a-z, A-Z, 0-9, '.', '_', '-' and ':'."));
    }
}
