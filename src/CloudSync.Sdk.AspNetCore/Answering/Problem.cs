using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace CloudSync.Sdk.Ingest;

/// <summary>Answers after RFC 9457.</summary>
internal static class Problem
{
    /// <summary>Where a status is defined that ASP.NET Core names no definition of.</summary>
    private static readonly Dictionary<int, string> Types = new()
    {
        [StatusCodes.Status413PayloadTooLarge] = "https://tools.ietf.org/html/rfc9110#section-15.5.14",
        [StatusCodes.Status429TooManyRequests] = "https://tools.ietf.org/html/rfc6585#section-4",
    };

    public static IResult Of(int status, string detail, params ReadOnlySpan<(string Name, object? Value)> extensions)
    {
        Dictionary<string, object?>? all = null;
        foreach (var (name, value) in extensions)
            if (value is not null)
                (all ??= [])[name] = value;
        return TypedResults.Problem(detail, statusCode: status, type: Types.GetValueOrDefault(status), extensions: all);
    }

    /// <summary>What a caller got wrong: the first of it as text, all of it by field.</summary>
    public static IResult Of(IReadOnlyList<FieldError> errors, int status = StatusCodes.Status400BadRequest) =>
        Of(status, $"{Text(errors)} Nothing has been accepted.", ("errors", errors.ToArray()), ("limit", errors[0].Limit));

    public static string Text(IReadOnlyList<FieldError> errors) => $"{errors[0].Field} {errors[0].Detail}.";

    public static void AskToComeAgain(HttpContext context, TimeSpan after) =>
        context.Response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(after.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
}
