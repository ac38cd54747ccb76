using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CloudSync.Sdk;

/// <summary>AWS Signature Version 4: what is signed of a request, and how. Pure.</summary>
/// <remarks>https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html</remarks>
internal static class SignatureV4
{
    public const string Algorithm = "AWS4-HMAC-SHA256";

    private const string Terminator = "aws4_request";
    private const string Hex = "0123456789ABCDEF";

    /// <summary>The time as <c>x-amz-date</c> has it.</summary>
    public static string Date(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    /// <summary>What a signature and its key are good for: a day, a region, a service.</summary>
    public static string Scope(DateTimeOffset time, string region, string service) => $"{Day(time)}/{region}/{service}/{Terminator}";

    /// <summary>The request in the one form that both sides make of it.</summary>
    /// <param name="method">POST.</param>
    /// <param name="path">
    /// The path as it goes over the wire. It is encoded once more, which is what all services but S3 want.
    /// </param>
    /// <param name="query">The query as it goes over the wire, with or without its question mark.</param>
    /// <param name="headers">The headers to sign; several of one name are joined in their order.</param>
    /// <param name="bodyHash">SHA-256 of the body, in lower-case hexadecimal digits.</param>
    /// <returns>The canonical request, and the names of the headers in it.</returns>
    public static (string Text, string SignedHeaders) CanonicalRequest(
        string method, string path, string query, IEnumerable<KeyValuePair<string, string>> headers, string bodyHash)
    {
        var sorted = headers
            .GroupBy(header => header.Key.ToLowerInvariant(), header => Trim(header.Value), StringComparer.Ordinal)
            .OrderBy(header => header.Key, StringComparer.Ordinal)
            .ToList();
        var text = new StringBuilder()
            .Append(method).Append('\n')
            .Append(CanonicalPath(path)).Append('\n')
            .Append(CanonicalQuery(query)).Append('\n');
        foreach (var header in sorted)
            text.Append(header.Key).Append(':').AppendJoin(',', header).Append('\n');

        var names = string.Join(';', sorted.Select(header => header.Key));
        text.Append('\n').Append(names).Append('\n').Append(bodyHash);
        return (text.ToString(), names);
    }

    public static string StringToSign(DateTimeOffset time, string scope, string canonicalRequest) =>
        $"{Algorithm}\n{Date(time)}\n{scope}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonicalRequest)))}";

    /// <summary>The key that a secret becomes for one day, region and service.</summary>
    public static byte[] SigningKey(string secret, DateTimeOffset time, string region, string service)
    {
        var key = Hmac(Encoding.UTF8.GetBytes("AWS4" + secret), Day(time));
        key = Hmac(key, region);
        key = Hmac(key, service);
        return Hmac(key, Terminator);
    }

    public static string Signature(byte[] signingKey, string stringToSign) => Convert.ToHexStringLower(Hmac(signingKey, stringToSign));

    public static string Authorization(string accessKey, string scope, string signedHeaders, string signature) =>
        $"{Algorithm} Credential={accessKey}/{scope}, SignedHeaders={signedHeaders}, Signature={signature}";

    /// <summary>Without empty and dot segments (RFC 3986, 5.2.4), then percent-encoded.</summary>
    internal static string CanonicalPath(string path)
    {
        var segments = new List<string>();
        foreach (var segment in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == "..")
                segments.RemoveRange(Math.Max(0, segments.Count - 1), Math.Min(1, segments.Count));
            else if (segment != ".")
                segments.Add(segment);
        }

        var text = new StringBuilder("/");
        Encode(text, Encoding.UTF8.GetBytes(string.Join('/', segments)), keepSlash: true);
        var isFolder = path.EndsWith('/') || path.EndsWith("/.", StringComparison.Ordinal) || path.EndsWith("/..", StringComparison.Ordinal);
        return isFolder && segments.Count > 0 ? text.Append('/').ToString() : text.ToString();
    }

    /// <summary>Each name and value percent-encoded in one way, whatever it was, and sorted by the names, then the values.</summary>
    internal static string CanonicalQuery(string query)
    {
        var pairs = query.TrimStart('?')
            .Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.IndexOf('=', StringComparison.Ordinal) is var at and >= 0 ? (Name: pair[..at], Value: pair[(at + 1)..]) : (Name: pair, Value: ""))
            .Select(pair => (Name: EncodeAnew(pair.Name), Value: EncodeAnew(pair.Value)))
            .OrderBy(pair => pair.Name, StringComparer.Ordinal).ThenBy(pair => pair.Value, StringComparer.Ordinal);
        return string.Join('&', pairs.Select(pair => $"{pair.Name}={pair.Value}"));
    }

    private static string Day(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    /// <summary>Without blanks around it, and with one for several within.</summary>
    private static string Trim(string value) => string.Join(' ', value.Split([' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries));

    private static string EncodeAnew(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var length = 0;
        for (var i = 0; i < utf8.Length; i++)
        {
            if (utf8[i] == '%' && i + 2 < utf8.Length && char.IsAsciiHexDigit((char)utf8[i + 1]) && char.IsAsciiHexDigit((char)utf8[i + 2]))
            {
                utf8[length++] = byte.Parse(utf8.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                i += 2;
            }
            else
            {
                utf8[length++] = utf8[i];
            }
        }

        var encoded = new StringBuilder(text.Length);
        Encode(encoded, utf8.AsSpan(0, length), keepSlash: false);
        return encoded.ToString();
    }

    private static void Encode(StringBuilder text, ReadOnlySpan<byte> utf8, bool keepSlash)
    {
        foreach (var b in utf8)
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~' || (keepSlash && b == '/'))
                text.Append((char)b);
            else
                text.Append('%').Append(Hex[b >> 4]).Append(Hex[b & 0xF]);
        }
    }

    private static byte[] Hmac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
}
