using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Xunit;

namespace CloudSync.Sdk.Tests.Aws;

/// <summary>AWS' own test suite, step by step: the canonical request, the string to sign, the signature, the header.</summary>
public class SignatureV4Tests
{
    private static readonly JsonElement[] Cases = Read();

    public static TheoryData<string> Names => new(Cases.Select(c => c.GetProperty("name").GetString()!));

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_case_of_the_test_suite_is_signed_as_AWS_does(string name)
    {
        var expected = Cases.Single(c => c.GetProperty("name").GetString() == name);
        var context = expected.GetProperty("context");
        var (region, service) = (Text(context, "region"), Text(context, "service"));
        var time = DateTimeOffset.Parse(Text(context, "timestamp"), CultureInfo.InvariantCulture);
        var credentials = context.GetProperty("credentials");
        var (method, target, headers, body) = Parse(Text(expected, "request"));
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body)));
        headers.Add(new("X-Amz-Date", SignatureV4.Date(time)));
        if (context.GetProperty("sign_body").GetBoolean())
            headers.Add(new("x-amz-content-sha256", hash));
        else
            hash = Convert.ToHexStringLower(SHA256.HashData([])); // Of a body that is not signed, the suite takes none.
        var omits = context.TryGetProperty("omit_session_token", out var omit) && omit.GetBoolean();
        if (credentials.TryGetProperty("token", out var token) && !omits)
            headers.Add(new("X-Amz-Security-Token", token.GetString()!));

        var at = target.IndexOf('?', StringComparison.Ordinal);
        var (path, query) = at < 0 ? (target, "") : (target[..at], target[at..]);
        var (request, names) = SignatureV4.CanonicalRequest(method, path, query, headers, hash);
        var scope = SignatureV4.Scope(time, region, service);
        var toSign = SignatureV4.StringToSign(time, scope, request);
        var signature = SignatureV4.Signature(SignatureV4.SigningKey(Text(credentials, "secret_access_key"), time, region, service), toSign);

        Assert.Equal(Text(expected, "canonicalRequest"), request);
        Assert.Equal(Text(expected, "stringToSign"), toSign);
        Assert.Equal(Text(expected, "signature"), signature);
        Assert.Contains(
            "Authorization:" + SignatureV4.Authorization(Text(credentials, "access_key_id"), scope, names, signature) + "\n", Text(expected, "signedRequest") + "\n", StringComparison.Ordinal);
    }

    [Fact]
    public void The_whole_suite_is_there()
    {
        Assert.Equal(31, Cases.Length);
    }

    [Theory]
    [InlineData("/prod/a%20b", "/prod/a%2520b")] // As it goes over the wire, encoded once more.
    [InlineData("/x(y)'*!:@~", "/x%28y%29%27%2A%21%3A%40~")]
    [InlineData("", "/")]
    [InlineData("/a/./b/../c/", "/a/c/")]
    [InlineData("/a/..", "/")]
    [InlineData("/../a", "/a")]
    [InlineData("/a/.", "/a/")]
    public void A_path_is_normalized_and_encoded(string path, string canonical)
    {
        Assert.Equal(canonical, SignatureV4.CanonicalPath(path));
    }

    [Theory]
    [InlineData("?b=2&a=3&a=1", "a=1&a=3&b=2")]
    [InlineData("?a", "a=")]
    [InlineData("?a=b=c&x=%2f%zz%", "a=b%3Dc&x=%2F%25zz%25")]
    [InlineData("?", "")]
    [InlineData("?&&", "")]
    public void A_query_is_sorted_and_encoded_in_one_way(string query, string canonical)
    {
        Assert.Equal(canonical, SignatureV4.CanonicalQuery(query));
    }

    private static JsonElement[] Read()
    {
        using var suite = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Aws", "aws-sig-v4-test-suite", "cases.json")));
        return [.. suite.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.Clone())];
    }

    private static (string Method, string Target, List<KeyValuePair<string, string>> Headers, string Body) Parse(string request)
    {
        var parts = request.ReplaceLineEndings("\n").Split("\n\n", 2);
        var lines = parts[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var (first, last) = (lines[0].IndexOf(' ', StringComparison.Ordinal), lines[0].LastIndexOf(' '));
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var line in lines.Skip(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (char.IsWhiteSpace(line[0]))
                headers[^1] = new(headers[^1].Key, headers[^1].Value + "\n" + line); // A header that goes on.
            else
                headers.Add(new(line[..colon], line[(colon + 1)..]));
        }

        return (lines[0][..first], lines[0][(first + 1)..last], headers, parts.Length > 1 ? parts[1] : "");
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
