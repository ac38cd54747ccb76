using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Who may post, with a real issuer's keys.</summary>
public sealed class AuthenticationTests : IDisposable
{
    private readonly Tokens _tokens = new();
    private readonly FakeProducer _producer = new();

    public void Dispose() => _tokens.Dispose();

    public static TheoryData<string> BadTokens =>
        ["expired", "not yet", "unsigned", "other audience", "other issuer", "other key", "changed", "HS256 of the PEM", "HS256 of the DER", "HS256 of a guess", "no token", "two words", "huge"];

    [Theory]
    [MemberData(nameof(BadTokens))]
    public async Task A_bad_token_is_answered_with_401_and_nothing_is_produced(string kind)
    {
        await using var door = await FrontDoor.StartAsync(_producer, [.. _tokens.Settings, "--Ingest:Authentication:ClockSkew=00:00:10", "--environment=Production"]);
        var token = kind switch
        {
            "expired" => _tokens.Signed(expires: TimeSpan.FromSeconds(-11)),
            "not yet" => _tokens.Signed(notBefore: TimeSpan.FromSeconds(60)),
            "unsigned" => _tokens.Unsigned(),
            "other audience" => _tokens.Signed(audience: "another-api"),
            "other issuer" => _tokens.Signed(issuer: "https://evil.example"),
            "other key" => _tokens.Signed(by: Tokens.ByAnother()),
            "changed" => _tokens.Changed(),
            "HS256 of the PEM" => _tokens.SignedWithThePublicKey(Encoding.UTF8.GetBytes(_tokens.PublicKey)),
            "HS256 of the DER" => _tokens.SignedWithThePublicKey(_tokens.PublicKeyDer),
            "HS256 of a guess" => _tokens.SignedWithThePublicKey(new byte[32]),
            "no token" => "x",
            "two words" => "a b",
            _ => new string('x', 10_000),
        };

        foreach (var path in (string[])["/api/sync", "/api/sync/batch"])
        {
            var answer = await door.PostAsync(path, """[{"data":1}]""", headers: ("Authorization", "Bearer " + token));

            Assert.Equal((401, true, "Bearer error=\"invalid_token\""), (answer.Status, answer.IsProblem, answer.Headers["WWW-Authenticate"]));
        }

        Assert.Empty(_producer.Queued);
        Assert.DoesNotContain(door.Log.Entries, e => e.Level >= LogLevel.Error);
    }

    [Theory]
    [InlineData("scope", "sync:write")]
    [InlineData("scope", "openid sync:write sync:admin")]
    [InlineData("scp", "sync:write other")]
    public async Task A_good_token_with_the_scope_posts(string claim, string scope)
    {
        await using var door = await FrontDoor.StartAsync(_producer, [.. _tokens.Settings, "--environment=Production"]);
        var answer = await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer " + _tokens.Signed(scope: scope, scopeClaim: claim)));

        Assert.Equal(202, answer.Status);
    }

    [Theory]
    [InlineData("sync:admin")]
    [InlineData("sync:writer")]
    [InlineData("xsync:write")]
    public async Task Without_the_scope_the_answer_is_403_and_names_it(string scope)
    {
        await using var door = await FrontDoor.StartAsync(_producer, [.. _tokens.Settings, "--environment=Production"]);
        var answer = await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer " + _tokens.Good(scope)));

        Assert.Equal((403, true, "Bearer error=\"insufficient_scope\", scope=\"sync:write\""), (answer.Status, answer.IsProblem, answer.Headers["WWW-Authenticate"]));
        Assert.Empty(_producer.Queued);
    }

    [Fact]
    public async Task Without_any_token_the_answer_is_401_and_asks_for_one()
    {
        await using var door = await FrontDoor.StartAsync(_producer, [.. _tokens.Settings, "--environment=Production"]);
        var answer = await door.PostAsync("/api/sync", """{"data":1}""");

        Assert.Equal((401, true, "Bearer"), (answer.Status, answer.IsProblem, answer.Headers["WWW-Authenticate"]));
    }

    [Fact]
    public async Task Keys_may_be_a_set_or_in_a_file_or_of_a_curve_or_a_secret()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var secret = RandomNumberGenerator.GetBytes(32);
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, ec.ExportSubjectPublicKeyInfoPem() + "\n" + _tokens.PublicKey, TestContext.Current.CancellationToken);
        try
        {
            await AcceptedAsync($"SigningKeys={_tokens.KeySet}", _tokens.Good());
            await AcceptedAsync($"SigningKeys={CertificateOf(_tokens.Key)}", _tokens.Good());
            await AcceptedAsync($"SigningKeysFile={file}", _tokens.Good());
            await AcceptedAsync($"SigningKeysFile={file}", _tokens.Signed(by: new SigningCredentials(new ECDsaSecurityKey(ec), SecurityAlgorithms.EcdsaSha256)));
            await AcceptedAsync($"SymmetricKey={Convert.ToBase64String(secret)}", _tokens.Signed(by: new SigningCredentials(new SymmetricSecurityKey(secret), SecurityAlgorithms.HmacSha256)));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task While_the_issuers_keys_can_not_be_had_the_answer_is_503_for_the_token_is_not_to_blame()
    {
        await using var door = await FrontDoor.StartAsync(_producer, "--Ingest:Authentication:Authority=http://127.0.0.1:1", $"--Ingest:Authentication:Audience={Tokens.Audience}");
        var answer = await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer " + _tokens.Good()));

        Assert.Equal((503, true, "1"), (answer.Status, answer.IsProblem, answer.Headers["Retry-After"]));
        Assert.DoesNotContain("127.0.0.1", answer.Text, StringComparison.Ordinal);
        Assert.Contains(door.Log.Entries, e => e.Text.Contains("Authentication:Authority", StringComparison.Ordinal));
        Assert.Empty(_producer.Queued);
    }

    [Fact]
    public async Task An_open_door_must_be_meant()
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => FrontDoor.StartAsync(_producer, "--environment=Production"));

        Assert.StartsWith("Ingest:Authentication is empty, and the environment is Production", failure.Message, StringComparison.Ordinal);
        Assert.Contains("set Authentication:AllowAnonymous=true", failure.Message, StringComparison.Ordinal);

        await using var door = await FrontDoor.StartAsync(_producer, "--environment=Production", "--Ingest:Authentication:AllowAnonymous=true");
        Assert.Equal(202, (await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer x"))).Status);
        Assert.Contains((3002, LogLevel.Warning, "CloudSync.Sdk.Ingest.TokenChecks"), door.Log.Entries.Select(e => (e.Event, e.Level, e.Category)));

        await using var development = await FrontDoor.StartAsync(_producer);
        Assert.Contains((3003, LogLevel.Information, "CloudSync.Sdk.Ingest.TokenChecks"), development.Log.Entries.Select(e => (e.Event, e.Level, e.Category)));
    }

    [Fact]
    public async Task An_open_door_is_one_line_among_all_that_is_wrong()
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => FrontDoor.StartAsync(_producer, "--environment=Production", "--Ingest:MaxIdBytes=0"));

        var lines = failure.Message.Split(Environment.NewLine);
        Assert.Equal(3, lines.Length);
        Assert.Equal("2 settings are wrong:", lines[0]);
        Assert.StartsWith("Ingest:MaxIdBytes is 0", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("Ingest:Authentication is empty", lines[2], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Audience=", "Authentication:Audience is empty")]
    [InlineData("Issuer=", "Authentication:Issuer is empty")]
    [InlineData("Authority=https://issuer.example", "of which 2 are set")]
    [InlineData("Authority=issuer", "Authentication:Authority is 'issuer'; it must be")]
    [InlineData("Authority=http://issuer.example", "Ingest:Authentication:Authority is 'http://issuer.example', and the environment is Production: it must begin with https")]
    [InlineData("SigningKeys=", "exactly one of the four")]
    [InlineData("SigningKeys=-----BEGIN PUBLIC KEY-----", "Authentication:SigningKeys holds no key")]
    [InlineData("SigningKeys={\"keys\":[]}", "Authentication:SigningKeys holds no key")]
    [InlineData("SigningKeys={\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "a secret that is shared with the issuer goes into SymmetricKey")]
    [InlineData("SigningKeys=PRIVATE", "holds a private key")]
    [InlineData("SigningKeys=SHORT", "holds an RSA key of less than 2048 bits")]
    [InlineData("SigningKeys=SHORT CERTIFICATE", "holds an RSA key of less than 2048 bits")]
    [InlineData("SigningKeysFile=/nowhere/keys.pem", "'/nowhere/keys.pem', which can't be read")]
    [InlineData("SymmetricKey=c2hvcnQ=", "Authentication:SymmetricKey is not base64 of at least 32 bytes")]
    [InlineData("AllowAnonymous=true", "Authentication:AllowAnonymous is true while")]
    [InlineData("Autority=x", "Authentication:Autority")]
    public async Task Settings_that_make_no_sense_stop_the_start_and_say_why(string setting, string expected)
    {
        using var shortKey = RSA.Create(1_024);
        var value = setting switch
        {
            "SigningKeys=PRIVATE" => "SigningKeys=" + _tokens.PrivateKey,
            "SigningKeys=SHORT" => "SigningKeys=" + shortKey.ExportSubjectPublicKeyInfoPem(),
            "SigningKeys=SHORT CERTIFICATE" => "SigningKeys=" + CertificateOf(shortKey),
            _ => setting,
        };
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(
            () => FrontDoor.StartAsync(_producer, [.. _tokens.Settings, "--environment=Production", "--Ingest:Authentication:" + value]));

        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("BEGIN PRIVATE", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("c2hvcnQ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_runs_wild_is_told_to_wait_and_the_others_are_not()
    {
        await using var door = await FrontDoor.StartAsync(_producer, [.. _tokens.Settings, "--Ingest:RateLimit:TokensPerSecond=1", "--Ingest:RateLimit:Burst=3"]);
        var answers = new List<Answer>();
        for (var i = 0; i < 20; i++)
            answers.Add(await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer " + _tokens.Signed(client: "wild"))));
        var other = await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer " + _tokens.Signed(client: "calm")));

        var refused = answers.Where(a => a.Status == 429).ToList();
        Assert.NotEmpty(refused);
        Assert.All(refused, a => Assert.True(a.IsProblem && int.Parse(a.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture) >= 1));
        Assert.Equal(202, other.Status);
        Assert.Equal(21 - refused.Count, _producer.Queued.Count);
    }

    [Fact]
    public async Task Who_has_no_token_is_limited_by_the_address()
    {
        await using var door = await FrontDoor.StartAsync(_producer, [.. _tokens.Settings, "--Ingest:RateLimit:TokensPerSecond=1", "--Ingest:RateLimit:Burst=2"]);
        var statuses = new List<int>();
        for (var i = 0; i < 20; i++)
            statuses.Add((await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer guess" + i))).Status);

        Assert.Equal([401, 429], statuses.Distinct().Order());
    }

    [Fact]
    public async Task Answers_have_security_headers_and_no_word_of_the_server()
    {
        await using var door = await FrontDoor.StartAsync(_producer, [.. _tokens.Settings]);
        foreach (var answer in new[] { await door.PostAsync("/api/sync", "{"), await door.GetAsync("/health/live"), await door.GetAsync("/nowhere") })
        {
            Assert.Equal("nosniff", answer.Headers["X-Content-Type-Options"]);
            Assert.Contains("no-store", answer.Headers["Cache-Control"], StringComparison.Ordinal);
            Assert.Contains("default-src 'none'", answer.Headers["Content-Security-Policy"], StringComparison.Ordinal);
            Assert.False(answer.Headers.ContainsKey("Server"));
        }
    }

    private static string CertificateOf(RSA key)
    {
        using var certificate = new CertificateRequest("CN=issuer", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return certificate.ExportCertificatePem();
    }

    private async Task AcceptedAsync(string setting, string token)
    {
        await using var door = await FrontDoor.StartAsync(
            _producer, $"--Ingest:Authentication:Issuer={Tokens.Issuer}", $"--Ingest:Authentication:Audience={Tokens.Audience}", "--Ingest:Authentication:" + setting, "--environment=Production");
        Assert.Equal(202, (await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer " + token))).Status);
        Assert.Equal(401, (await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer " + _tokens.Unsigned()))).Status);
    }
}
