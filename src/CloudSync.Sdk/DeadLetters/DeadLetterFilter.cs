using System.Text;

namespace CloudSync.Sdk;

/// <summary>Which dead letters are meant: those that meet everything that is given. One without anything means all that wait.</summary>
public sealed class DeadLetterFilter
{
    private byte[]? _key;

    /// <summary>The consumer group that failed. Default: any.</summary>
    public string? Group { get; init; }

    /// <summary>The name of the consumer that failed. Default: any.</summary>
    public string? Consumer { get; init; }

    /// <summary>
    /// The topic that the message came from, and goes back to. Default: any, to read; a redrive whose letters come from several topics is refused without it.
    /// </summary>
    public string? SourceTopic { get; init; }

    /// <summary>The kinds of the last failure. Default: any.</summary>
    public IReadOnlyCollection<ErrorType> ErrorTypes { get; init; } = [];

    /// <summary>Last failed at this time or later. Default: ever.</summary>
    public DateTimeOffset? FailedFrom { get; init; }

    /// <summary>Last failed before this time. Default: ever.</summary>
    public DateTimeOffset? FailedUntil { get; init; }

    /// <summary>The key of the message, as UTF-8, compared byte for byte. Default: any, and none.</summary>
    public string? Key
    {
        get => _key is null ? null : Encoding.UTF8.GetString(_key);
        init => _key = value is null ? null : Encoding.UTF8.GetBytes(value);
    }

    /// <summary>The message id. Default: any.</summary>
    public string? Id { get; init; }

    /// <summary>The letters at these positions alone. Default: all.</summary>
    public IReadOnlySet<DeadLetterPosition>? Positions { get; init; }

    /// <summary>The letters at these positions not. Default: none.</summary>
    public IReadOnlySet<DeadLetterPosition>? Except { get; init; }

    /// <summary>Whether letters that have been redriven are read as well. They are never redriven again. Default: no.</summary>
    public bool IncludeRedriven { get; init; }

    /// <summary>Whether a letter is meant, redriven or not.</summary>
    internal bool Matches(DeadLetterRecord letter) =>
        (Group is null || letter.Group == Group)
        && (Consumer is null || letter.Consumer == Consumer)
        && (SourceTopic is null || letter.Topic == SourceTopic)
        && (ErrorTypes.Count == 0 || (letter.ErrorType is { } type && ErrorTypes.Contains(type)))
        && (FailedFrom is null || letter.LastFailure >= FailedFrom)
        && (FailedUntil is null || letter.LastFailure < FailedUntil)
        && (_key is null || (letter.Key is { } key && key.Span.SequenceEqual(_key)))
        && (Id is null || letter.MessageId == Id)
        && (Positions is null || Positions.Contains(letter.Position))
        && (Except is null || !Except.Contains(letter.Position));
}
