using System.Diagnostics.CodeAnalysis;
using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>Where and how messages are sent over HTTP. Checked at start; every error names the setting, its value and what would do.</summary>
public sealed class HttpSinkOptions
{
    /// <summary>
    /// The endpoint's address: absolute, http or https, the same for every message. Required. A query may hold a secret (<c>?code=</c> of an Azure
    /// function), so it is sent and never shown.
    /// </summary>
    public string Url { get; set; } = "";

    /// <summary>One message in a request, or many. Default <see cref="HttpSinkMode.Single"/>. It is read when the sink is registered.</summary>
    public HttpSinkMode Mode { get; set; } = HttpSinkMode.Single;

    /// <summary>
    /// The header that carries <see cref="ApiKey"/>: <c>x-api-key</c> for AWS API Gateway, <c>Ocp-Apim-Subscription-Key</c> for Azure API Management.
    /// Default <see langword="null"/>: no key is sent.
    /// </summary>
    public string? ApiKeyHeader { get; set; }

    /// <summary>The key that is sent in <see cref="ApiKeyHeader"/>. Default <see langword="null"/>: none. Never shown.</summary>
    public string? ApiKey { get; set; }

    /// <summary>A token that never changes, sent as <c>Authorization: Bearer …</c>. Default <see langword="null"/>: none. Never shown.</summary>
    public string? BearerToken { get; set; }

    /// <summary>
    /// Gives a token that is refreshed, in place of <see cref="BearerToken"/>; set in code. Called for every request, from several threads at the same
    /// time, so it keeps its token until that expires. What it throws counts as <see cref="ErrorType.Authentication"/>, but for an
    /// <see cref="HttpRequestException"/>, a <see cref="SinkException"/> or a cancellation, which speak for themselves. Default <see langword="null"/>: none.
    /// </summary>
    public Func<CancellationToken, ValueTask<string>>? BearerTokenProvider { get; set; }

    /// <summary>Further headers of every request. Those that the sink writes itself are refused. Default: none. Values are never shown.</summary>
    public IDictionary<string, string> Headers { get; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// The media type of a message that names none, or names one that can't be read. Default <c>application/octet-stream</c>: bytes that nobody has
    /// described. Set <c>application/json</c> for a topic of JSON from producers that don't say so.
    /// </summary>
    public string DefaultContentType { get; set; } = "application/octet-stream";

    /// <summary>Whether HTTP/2 is used: agreed on with https, without asking with http. Default <see langword="false"/>: HTTP/1.1.</summary>
    public bool Http2 { get; set; }

    /// <summary>The longest Retry-After that is believed; a longer one is cut to it. Default 1 h.</summary>
    [SettingRange("00:00:01", "1.00:00:00")]
    public TimeSpan MaxRetryAfter { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Bytes of an answer to a batch that are read, at most. Default 1 MiB. It must hold a result for every message of a batch.</summary>
    [SettingRange(1_024, 67_108_864)]
    public int MaxResponseBytes { get; set; } = 1024 * 1024;

    /// <summary>
    /// Says what an answer that is no success means, before anybody else does; set in code. It returns <see langword="null"/> for 'not mine': then
    /// <see cref="CloudErrorBody"/> decides, and after it the status. Of a batch it decides as a whole, but a 400, 413 or 422 that it calls permanent is halved all the same,
    /// until the messages at fault are found, and results for each item have their own statuses. Called from several threads at the same time. It must not throw: if it does,
    /// the status decides, and the error says so. Default <see langword="null"/>: none.
    /// </summary>
    public Func<HttpAnswer, ErrorClassification?>? AnswerClassifier { get; set; }

    /// <summary>
    /// Whether <see cref="CloudErrorBody"/> looks at answers that are no success. Default <see langword="true"/>: without it a throttled AWS, which answers 400, would have its
    /// messages dead-lettered.
    /// </summary>
    public bool ReadCloudErrors { get; set; } = true;

    /// <summary>
    /// Bytes of an answer that is no success that are read for <see cref="AnswerClassifier"/> and <see cref="ReadCloudErrors"/>, at most. Default 8 KiB. What does not come within
    /// 2 s, or not at all, is left out: the status is known by then. With 0 only headers are looked at.
    /// </summary>
    [SettingRange(0, 1_048_576)]
    public int MaxErrorBytes { get; set; } = 8 * 1024;

    /// <summary>Who writes <c>Authorization</c> in a handler of the client. More than one is refused.</summary>
    internal IList<HttpAuthorizer> Authorizers { get; } = [];
}

/// <summary>How many messages go into one request.</summary>
public enum HttpSinkMode
{
    /// <summary>One: a CloudEvent in binary mode. The body is the payload, untouched, and the envelope is in the headers.</summary>
    [SuppressMessage("Naming", "CA1720", Justification = "It is the opposite of a batch, not a number.")]
    Single = 0,

    /// <summary>Many: a JSON array of CloudEvents, <c>application/cloudevents-batch+json</c>, and a result for every one of them.</summary>
    Batch,
}
