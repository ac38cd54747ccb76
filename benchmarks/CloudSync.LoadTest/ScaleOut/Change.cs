namespace CloudSync.LoadTest.ScaleOut;

/// <summary>How the group comes to another number of processes.</summary>
internal enum ChangeKind
{
    Start,
    Stop,
    Kill,
}

/// <param name="Kind">How.</param>
/// <param name="By">By how many.</param>
internal sealed record Change(ChangeKind Kind, int By)
{
    public override string ToString() => Kind switch { ChangeKind.Start => $"{By} started", ChangeKind.Stop => $"{By} stopped", _ => $"{By} killed" };

    /// <summary>The changes from one number to the next, from none on. The last one that takes processes away kills them: what a group does without a farewell is part of the question.</summary>
    /// <param name="counts">The numbers, each different from the one before.</param>
    public static IReadOnlyList<Change> Between(IReadOnlyList<int> counts)
    {
        var by = counts.Select((count, i) => count - (i == 0 ? 0 : counts[i - 1])).ToList();
        var last = by.FindLastIndex(count => count < 0);
        return [.. by.Select((count, i) => new Change(count > 0 ? ChangeKind.Start : i == last ? ChangeKind.Kill : ChangeKind.Stop, Math.Abs(count)))];
    }
}
