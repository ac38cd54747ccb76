using System.Net.Http.Headers;
using System.Security.Cryptography;
using Amazon.Runtime;

namespace CloudSync.Sdk;

/// <summary>Signs a request as HttpClient will send it.</summary>
internal sealed class RequestSigner(string region, string service)
{
    public const string DateHeader = "X-Amz-Date";
    public const string TokenHeader = "X-Amz-Security-Token";
    public const string HashHeader = "X-Amz-Content-Sha256";

    /// <summary>What is written, or changed, on the way: by HttpClient, by its tracing, by a proxy.</summary>
    private static readonly HashSet<string> Unsigned = new(StringComparer.OrdinalIgnoreCase)
    {
        "Authorization", "Connection", "Content-Length", "Expect", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Request-Id", "TE", "traceparent", "tracestate", "baggage",
        "Correlation-Context", "Transfer-Encoding", "Upgrade", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For",
    };

    private DayKey? _key;

    /// <summary>Writes the signature, in place of one that is there.</summary>
    /// <param name="request">The request, complete.</param>
    /// <param name="credentials">Whose signature it will be.</param>
    /// <param name="now">The time of the signature.</param>
    /// <param name="cancellationToken">Ends the reading of the body.</param>
    public async ValueTask SignAsync(HttpRequestMessage request, ImmutableCredentials credentials, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var hash = await HashOf(request.Content, cancellationToken).ConfigureAwait(false);
        Set(request.Headers, DateHeader, SignatureV4.Date(now));
        Set(request.Headers, HashHeader, hash);
        Set(request.Headers, TokenHeader, credentials.UseToken ? credentials.Token : null);

        var url = request.RequestUri!;
        var scope = SignatureV4.Scope(now, region, service);
        var (text, names) = SignatureV4.CanonicalRequest(request.Method.Method, url.AbsolutePath, url.Query, SignedHeaders(request, url), hash);
        var signature = SignatureV4.Signature(KeyOf(credentials.SecretKey, now), SignatureV4.StringToSign(now, scope, text));
        Set(request.Headers, "Authorization", SignatureV4.Authorization(credentials.AccessKey, scope, names, signature));
    }

    private static IEnumerable<KeyValuePair<string, string>> SignedHeaders(HttpRequestMessage request, Uri url)
    {
        // Several values of one header go out as one text.
        var headers = request.Headers.NonValidated.Concat(request.Content?.Headers.NonValidated ?? default)
            .Where(header => !Unsigned.Contains(header.Key))
            .Select(header => KeyValuePair.Create(header.Key, header.Value.ToString()));
        return request.Headers.Host is null ? headers.Prepend(KeyValuePair.Create("Host", HostOf(url))) : headers;
    }

    /// <summary>As HttpClient writes it.</summary>
    private static string HostOf(Uri url)
    {
        var host = url.HostNameType == UriHostNameType.IPv6 ? $"[{url.IdnHost}]" : url.IdnHost;
        return url.IsDefaultPort ? host : $"{host}:{url.Port}";
    }

    private static async ValueTask<string> HashOf(HttpContent? content, CancellationToken cancellationToken)
    {
        await using var sha = new HashingStream();
        if (content is not null)
            await content.CopyToAsync(sha, cancellationToken).ConfigureAwait(false);
        return sha.Hash();
    }

    private static void Set(HttpRequestHeaders headers, string name, string? value)
    {
        headers.Remove(name);
        if (value is not null)
            headers.TryAddWithoutValidation(name, value);
    }

    /// <summary>One key serves for a day.</summary>
    private byte[] KeyOf(string secret, DateTimeOffset now)
    {
        var day = now.UtcDateTime.Date;
        if (Volatile.Read(ref _key) is { } kept && kept.Day == day && kept.Secret == secret)
            return kept.Key;

        var key = SignatureV4.SigningKey(secret, now, region, service);
        Volatile.Write(ref _key, new DayKey(day, secret, key));
        return key;
    }

    private sealed record DayKey(DateTime Day, string Secret, byte[] Key);

    /// <summary>Takes the body in as it goes by, without a copy of it.</summary>
    private sealed class HashingStream : Stream
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public string Hash() => Convert.ToHexStringLower(_hash.GetHashAndReset());

        public override void Write(ReadOnlySpan<byte> buffer) => _hash.AppendData(buffer);

        public override void Write(byte[] buffer, int offset, int count) => _hash.AppendData(buffer, offset, count);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _hash.AppendData(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            _hash.AppendData(buffer, offset, count);
            return Task.CompletedTask;
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _hash.Dispose();
            base.Dispose(disposing);
        }
    }
}
