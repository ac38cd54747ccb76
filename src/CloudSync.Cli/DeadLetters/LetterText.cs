using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CloudSync.Sdk;

namespace CloudSync.Cli.DeadLetters;

/// <summary>A dead letter in words, and in JSON. Never its key or payload.</summary>
internal static class LetterText
{
    public static string Status(DeadLetterRecord letter) => letter switch
    {
        { IsRedriven: true } => "redriven",
        { Problem: not null } => "unreadable",
        _ => "waiting",
    };

    public static string ErrorType(DeadLetterRecord letter) =>
        letter.ErrorType?.ToString() ?? SafeText.Line(letter.Details.LastOrDefault(d => d.Name == DeadLetterHeaders.ErrorType).Value is { } said ? said : null, 40)
            .Replace("(none)", "?", StringComparison.Ordinal);

    /// <summary>What went wrong, in a sentence.</summary>
    public static string? Reason(DeadLetterRecord letter) => letter.Problem is { } problem
        ? $"not redrivable: {problem}"
        : letter.HttpStatus is { } status ? $"{status} {letter.ExceptionMessage}" : letter.ExceptionMessage;

    public static string Number(long? number) => number?.ToString("N0", CultureInfo.InvariantCulture) ?? "?";

    /// <summary>One object, on one line. What could be taken for markup or a control character is escaped.</summary>
    public static string Json(DeadLetterRecord letter, bool withHeaders = false, ReadOnlyMemory<byte>? payload = null)
    {
        var json = new JsonObject
        {
            ["position"] = letter.Position.ToString(),
            ["status"] = Status(letter),
            ["id"] = letter.MessageId,
            ["group"] = letter.Group,
            ["consumer"] = letter.Consumer,
            ["errorType"] = letter.ErrorType?.ToString(),
            ["httpStatus"] = letter.HttpStatus,
            ["exceptionType"] = letter.ExceptionType,
            ["exceptionMessage"] = letter.ExceptionMessage,
            ["attempts"] = letter.Attempts,
            ["redrives"] = letter.Redrives,
            ["firstFailure"] = letter.FirstFailure?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            ["lastFailure"] = letter.LastFailure?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            ["topic"] = letter.Topic,
            ["partition"] = letter.Partition,
            ["offset"] = letter.Offset,
            ["problem"] = letter.Problem,
        };
        if (withHeaders)
        {
            json["headers"] = Headers(letter.OriginalHeaders);
            json["details"] = Headers(letter.Details);
        }

        if (payload is { } bytes)
            json["payloadBase64"] = Convert.ToBase64String(bytes.Span);

        return json.ToJsonString(JsonSerializerOptions.Default);
    }

    private static JsonArray Headers(IReadOnlyList<MessageHeader> headers) =>
        [.. headers.Select(h => new JsonObject { ["name"] = h.Name, ["value"] = h.Value is null ? null : SafeText.Line(h.Value) })];
}
