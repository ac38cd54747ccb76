using System.Globalization;
using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>What the settings of an HTTP sink must be together. No text holds a secret: a key, a token, a header's value, the query of an address.</summary>
internal static class HttpSinkRules
{
    private const string UrlExample = "it must be the endpoint's absolute http or https address, such as https://api.example.com/messages.";

    private static readonly HashSet<string> WrittenBySink = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Expect", "Idempotency-Key", "Keep-Alive", "Proxy-Connection", "TE", "traceparent", "tracestate", "Trailer", "Transfer-Encoding", "Upgrade",
    };

    /// <summary>Checks options that did not come through the start of a host.</summary>
    /// <exception cref="OptionsValidationException">Something is wrong; the message lists all of it.</exception>
    public static void Ensure(HttpSinkOptions options)
    {
        var result = new SettingsValidator<HttpSinkOptions>(Options.DefaultName, null, Check).Validate(Options.DefaultName, options);
        if (result.Failed)
            throw new OptionsValidationException(Options.DefaultName, typeof(HttpSinkOptions), result.Failures);
    }

    public static IEnumerable<SettingProblem> Check(HttpSinkOptions options) =>
        [.. Url(options.Url), .. ApiKey(options), .. Bearer(options), .. Authorizers(options), .. Headers(options), .. ContentType(options.DefaultContentType)];

    private static IEnumerable<SettingProblem> Url(string? url)
    {
        const string Path = nameof(HttpSinkOptions.Url);
        if (string.IsNullOrWhiteSpace(url))
        {
            yield return new SettingProblem(Path, $"is empty; {UrlExample}");
        }
        else if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
        {
            var shown = url.IndexOfAny(['?', '#']) is var end and >= 0 ? url[..end] + "?…" : url;
            yield return new SettingProblem(Path, $"is {SettingText.Quote(Path, shown)}; {UrlExample}");
        }
        else
        {
            if (uri.UserInfo.Length > 0)
                yield return new SettingProblem(Path, "holds a user name or a password, which would be dropped; send them as Headers:Authorization.");
            if (uri.Fragment.Length > 0)
                yield return new SettingProblem(Path, "holds a fragment ('#…'), which is never sent; remove it.");
        }
    }

    private static IEnumerable<SettingProblem> ApiKey(HttpSinkOptions options)
    {
        const string Name = nameof(options.ApiKeyHeader);
        const string Key = nameof(options.ApiKey);
        if (string.IsNullOrEmpty(options.ApiKeyHeader))
        {
            if (!string.IsNullOrEmpty(options.ApiKey))
                yield return new SettingProblem(Name, "is empty while ApiKey is set; it must name the key's header, such as x-api-key or Ocp-Apim-Subscription-Key.");
            yield break;
        }

        if (NameProblem(options.ApiKeyHeader) is { } wrongName)
            yield return new SettingProblem(Name, wrongName);
        else if (options.Headers.ContainsKey(options.ApiKeyHeader))
            yield return new SettingProblem(Name, $"is '{options.ApiKeyHeader}', which Headers holds too; leave one of them out.");

        if (string.IsNullOrEmpty(options.ApiKey))
            yield return new SettingProblem(Key, "is empty while ApiKeyHeader is set; give the key, or leave both out.");
        else if (ValueProblem(options.ApiKey) is { } wrongValue)
            yield return new SettingProblem(Key, wrongValue);
    }

    private static IEnumerable<SettingProblem> Bearer(HttpSinkOptions options)
    {
        const string Path = nameof(options.BearerToken);
        if (string.IsNullOrEmpty(options.BearerToken) && options.BearerTokenProvider is null)
            yield break;

        if (options.Headers.ContainsKey("Authorization") || "Authorization".Equals(options.ApiKeyHeader, StringComparison.OrdinalIgnoreCase))
            yield return new SettingProblem(Path, "is set while another setting sends Authorization; leave one of them out.");

        if (string.IsNullOrEmpty(options.BearerToken))
            yield break;

        if (options.BearerTokenProvider is not null)
            yield return new SettingProblem(Path, "is set together with BearerTokenProvider; leave one of them out.");
        if (options.BearerToken.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            yield return new SettingProblem(Path, "begins with the word Bearer, which is added by itself; give the token alone.");
        else if (!HeaderText.IsToken68(options.BearerToken))
            yield return new SettingProblem(Path, "holds a character that is in no bearer token, such as a space or a line break; give the token alone.");
    }

    private static IEnumerable<SettingProblem> Authorizers(HttpSinkOptions options)
    {
        if (options.Authorizers is not [var first, ..])
            yield break;

        const string Authorization = $"{nameof(options.Headers)}:Authorization";
        if (options.Authorizers.Count > 1)
            yield return new SettingProblem(Authorization, $"is written by {string.Join(" and ", options.Authorizers.Select(a => a.Name))}; call one of them, once.");
        if (!string.IsNullOrEmpty(options.BearerToken))
            yield return new SettingProblem(nameof(options.BearerToken), $"is set while {first.Name} writes Authorization; leave one of them out.");
        if (options.BearerTokenProvider is not null)
            yield return new SettingProblem(nameof(options.BearerTokenProvider), $"is set while {first.Name} writes Authorization; leave one of them out.");
        foreach (var header in first.Headers)
        {
            if (options.Headers.Keys.FirstOrDefault(name => name.Equals(header, StringComparison.OrdinalIgnoreCase)) is { } name)
                yield return new SettingProblem($"{nameof(options.Headers)}:{name}", $"names the header '{name}', which {first.Name} writes; leave one of them out.");
            if (header.Equals(options.ApiKeyHeader, StringComparison.OrdinalIgnoreCase))
                yield return new SettingProblem(nameof(options.ApiKeyHeader), $"is '{options.ApiKeyHeader}', which {first.Name} writes; leave one of them out.");
        }
    }

    private static IEnumerable<SettingProblem> Headers(HttpSinkOptions options)
    {
        foreach (var (name, value) in options.Headers.OrderBy(h => h.Key, StringComparer.OrdinalIgnoreCase))
        {
            if (NameProblem(name) is { } wrongName)
                yield return new SettingProblem($"{nameof(options.Headers)}:{name}", wrongName);
            if (ValueProblem(value) is { } wrongValue)
                yield return new SettingProblem($"{nameof(options.Headers)}:{name}", wrongValue);
        }
    }

    private static IEnumerable<SettingProblem> ContentType(string? contentType)
    {
        const string Path = nameof(HttpSinkOptions.DefaultContentType);
        if (!HeaderText.IsMediaType(contentType))
            yield return new SettingProblem(
                Path, $"is {SettingText.Quote(Path, contentType ?? "")}; it must be a media type such as application/json.");
    }

    private static string? NameProblem(string name)
    {
        if (!HeaderText.IsName(name))
            return $"is {SettingText.Quote("", name)}; a header's name holds only letters, digits and !#$%&'*+-.^_`|~.";
        if (WrittenBySink.Contains(name) || name.StartsWith("ce-", StringComparison.OrdinalIgnoreCase))
            return $"names the header '{name}', which the sink writes itself; leave it out.";

        // Content-Type, Content-Length and their kind describe the body, and HttpClient keeps them apart.
        using var request = new HttpRequestMessage();
        return request.Headers.TryAddWithoutValidation(name, "x") ? null : $"names the header '{name}', which describes the body and is the sink's; leave it out.";
    }

    private static string? ValueProblem(string? value)
    {
        var at = HeaderText.IndexOfForbidden(value ?? "");
        return at < 0
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"holds a character that a header can't carry, the {at + 1}. of {value!.Length} (a line break at the end of a file?); give visible ASCII characters.");
    }
}
