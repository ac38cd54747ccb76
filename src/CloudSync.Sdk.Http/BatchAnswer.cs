using System.Globalization;
using System.Text.Json;

namespace CloudSync.Sdk;

/// <summary>
/// What an endpoint says of the messages of a batch: <c>{"results":[{"id":"…","status":202,"retryAfter":5}]}</c>, by their order in the batch.
/// </summary>
/// <remarks>
/// <c>status</c> is an HTTP status, or one of <c>ok</c>, <c>accepted</c>, <c>delivered</c> and <c>duplicate</c>; any other word is a failure of unknown kind.
/// <c>id</c> and <c>retryAfter</c> (seconds) may be left out, and what else is there (<c>error</c>) is not read: it may repeat the payload. What is not
/// reported has failed.
/// </remarks>
internal sealed class BatchAnswer
{
    /// <summary>Deep enough for the payload of a message that an endpoint repeats in its error, which may be 62 levels itself.</summary>
    private const int MaxDepth = 256;

    private readonly Item[] _items;

    private BatchAnswer(Item[] items) => _items = items;

    private readonly record struct Item(string? Id, int? Status, string? Word, double? RetryAfter);

    /// <summary>How many results there are.</summary>
    public int Count => _items.Length;

    /// <summary>Reads a body.</summary>
    /// <param name="body">The body, whole.</param>
    /// <param name="isBroken">
    /// Whether it speaks of results and can't be read: cut off by a proxy, say. What it says of the messages is lost then, and must not be taken for
    /// success.
    /// </param>
    /// <returns><see langword="null"/> when it is no JSON object with an array <c>results</c>.</returns>
    public static BatchAnswer? Read(ReadOnlyMemory<byte> body, out bool isBroken)
    {
        isBroken = false;
        if (!MayBeResults(body.Span))
            return null;

        try
        {
            using var json = JsonDocument.Parse(body[Start(body.Span)..], new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (!json.RootElement.TryGetProperty("results", out var results) || results.ValueKind != JsonValueKind.Array)
                return null;

            // Until all of them are read.
            isBroken = true;
            var answer = new BatchAnswer([.. results.EnumerateArray().Select(ItemOf)]);
            isBroken = false;
            return answer;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second is for a text with half a character in it (an escaped lone surrogate).
            isBroken |= body.Span.IndexOf("\"results\""u8) >= 0;
            return null;
        }
    }

    /// <summary>Whether a body begins like a JSON object, so that the rest of it matters.</summary>
    public static bool MayBeResults(ReadOnlySpan<byte> body)
    {
        var start = Start(body);
        return start < body.Length && body[start] == (byte)'{';
    }

    /// <summary>Whether nothing has come yet that says what a body is.</summary>
    public static bool IsBlank(ReadOnlySpan<byte> body) => body.IndexOfAnyExcept(" \t\r\n\uFEFF"u8) < 0;

    /// <summary>What became of the message at <paramref name="index"/>.</summary>
    public SinkResult ResultOf(int index, SyncMessage message, string address, TimeSpan maxRetryAfter)
    {
        if (index >= _items.Length)
            return default;

        var item = _items[index];
        if (item.Id is not null && item.Id != message.Id)
            return SinkResult.Failed(new SinkException(
                ErrorType.Unknown,
                string.Create(CultureInfo.InvariantCulture, $"POST {address}: result {index + 1} of the batch names the id of another message; results must stand in the order of the batch.")));

        var status = item.Status ?? (int.TryParse(item.Word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null);
        if (status is null && item.Word is null)
            return default;
        if (status is null)
            return IsDelivered(item.Word!) ? SinkResult.Delivered : SinkResult.Failed(NotUnderstood(address, item));
        if (HttpStatus.ErrorTypeOf(status.Value) is not { } type)
            return SinkResult.Delivered;

        return SinkResult.Failed(new SinkException(type, $"POST {address} took the batch and refused this message of it: {HttpStatus.Describe(status.Value)}.")
        {
            StatusCode = status,
            RetryAfter = item.RetryAfter is { } seconds ? RetryAfter.FromSeconds(seconds, maxRetryAfter) : null,
        });

        SinkException NotUnderstood(string to, Item of) =>
            new(ErrorType.Unknown, $"POST {to} took the batch and gave this message of it a status that is neither a number nor ok, accepted, delivered or duplicate.")
            {
                RetryAfter = of.RetryAfter is { } seconds ? RetryAfter.FromSeconds(seconds, maxRetryAfter) : null,
            };
    }

    private static bool IsDelivered(string word) =>
        word.Equals("ok", StringComparison.OrdinalIgnoreCase)
        || word.Equals("accepted", StringComparison.OrdinalIgnoreCase)
        || word.Equals("delivered", StringComparison.OrdinalIgnoreCase)
        || word.Equals("duplicate", StringComparison.OrdinalIgnoreCase);

    private static Item ItemOf(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
            return default;

        var status = Property(element, "status");
        return new Item(
            Text(Property(element, "id")),
            status is { ValueKind: JsonValueKind.Number } && status.Value.TryGetInt32(out var number) ? number : null,
            Text(status),
            Property(element, "retryAfter") is { ValueKind: JsonValueKind.Number } wait && wait.TryGetDouble(out var seconds) ? seconds : null);
    }

    private static JsonElement? Property(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value : null;

    private static string? Text(JsonElement? element) => element is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    /// <summary>Where the text begins, after a byte order mark and white space.</summary>
    private static int Start(ReadOnlySpan<byte> body)
    {
        var mark = body.StartsWith("\uFEFF"u8) ? 3 : 0;
        var text = body[mark..].IndexOfAnyExcept(" \t\r\n"u8);
        return text < 0 ? body.Length : mark + text;
    }
}
