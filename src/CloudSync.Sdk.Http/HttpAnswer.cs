using System.Globalization;

namespace CloudSync.Sdk;

/// <summary>An answer that is no success, as <see cref="HttpSinkOptions.AnswerClassifier"/> sees it. It may be kept: its bytes are its own.</summary>
public sealed class HttpAnswer
{
    private readonly Dictionary<string, string> _headers = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Makes an answer; in a test, too.</summary>
    /// <param name="status">The HTTP status.</param>
    /// <param name="body">What was read of the body. Default: nothing.</param>
    /// <param name="headers">The headers, and the trailers as far as they have come. Values of one name are joined by commas. Default <see langword="null"/>: none.</param>
    public HttpAnswer(int status, ReadOnlyMemory<byte> body = default, IEnumerable<KeyValuePair<string, string>>? headers = null)
    {
        Status = status;
        Body = body;
        foreach (var (name, value) in headers ?? [])
            _headers[name] = _headers.TryGetValue(name, out var before) ? $"{before}, {value}" : value;
    }

    /// <summary>The HTTP status.</summary>
    public int Status { get; }

    /// <summary>
    /// The beginning of the body, at most <see cref="HttpSinkOptions.MaxErrorBytes"/> of it: it may be cut anywhere, and is empty when it did not come in time. It may repeat the
    /// payload, so it belongs into no log.
    /// </summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>A header's value, or <see langword="null"/>.</summary>
    /// <param name="name">The name; upper and lower case are the same.</param>
    public string? Header(string name) => _headers.GetValueOrDefault(name);

    /// <summary>The status and the length of what was read, and nothing of what it says.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{HttpStatus.Describe(Status)}, {Body.Length} bytes");
}
