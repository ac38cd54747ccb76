using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudSync.Sdk.Ingest;

/// <summary>Why something is refused: which field, what is wrong with it, and the limit where there is one.</summary>
internal sealed record FieldError(string Field, string Detail, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? Limit = null);

/// <summary>What was read: a message, whose id may be missing, or all that is wrong with it.</summary>
/// <param name="Message">The message; its payload is a part of what was read.</param>
/// <param name="Errors">What is wrong; empty when nothing is.</param>
/// <param name="IsBroken">Whether it is no JSON at all, so that nobody can say where it ends.</param>
internal readonly record struct ReadMessage(OutgoingMessage Message, IReadOnlyList<FieldError> Errors, bool IsBroken = false);

/// <summary>Gathers what is wrong, as far as anybody wants to read it.</summary>
internal sealed class FieldErrors
{
    private const int Most = 10;
    private const int LongestName = 64;

    private List<FieldError>? _errors;

    public IReadOnlyList<FieldError> All => _errors ?? (IReadOnlyList<FieldError>)[];

    public bool IsBroken { get; private set; }

    public void Add(string field, string detail, long? limit = null)
    {
        _errors ??= [];
        if (_errors.Count < Most)
            _errors.Add(new FieldError(field, detail, limit));
    }

    /// <summary>Says that the JSON is none. The exception's own text quotes the body, so only the place is taken from it.</summary>
    public void AddBroken(ItemPlace place, JsonException e, int maxDepth)
    {
        IsBroken = true;
        Add(place.All, $"is not valid JSON at {place.Of(e)}, or nested deeper than {maxDepth} levels there", maxDepth);
    }

    public void AddBroken(string field, string detail)
    {
        IsBroken = true;
        Add(field, detail);
    }

    /// <summary>A name that a caller made up, as an error may show it.</summary>
    public static string Shortened(string name) => name.Length <= LongestName ? name : string.Concat(name.AsSpan(0, LongestName), "…");
}
