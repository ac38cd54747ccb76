namespace CloudSync.LoadTest.Reports.Html;

/// <summary>A figure that is drawn over the steps.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="Style">Its class, which gives the colour.</param>
/// <param name="Values">A value a step; <see langword="null"/> where there is none, and the line is broken.</param>
internal sealed record Series(string Name, string Style, IReadOnlyList<double?> Values)
{
    /// <summary>How its line is drawn, as a class, where it is not an ordinary one.</summary>
    public string Stroke { get; init; } = "";
}

/// <summary>What a chart shows; nothing of how large it is.</summary>
internal sealed record Chart
{
    /// <summary>Unique in the page.</summary>
    public required string Id { get; init; }

    public required string Title { get; init; }

    /// <summary>In a sentence, for who can't see it.</summary>
    public required string Description { get; init; }

    /// <summary>What is counted upwards.</summary>
    public required string Unit { get; init; }

    /// <summary>The rates that were asked for, rising.</summary>
    public required IReadOnlyList<double> Asked { get; init; }

    public required IReadOnlyList<Series> Series { get; init; }

    public required Scale Scale { get; init; }

    /// <summary>How a value is written where one points at a step.</summary>
    public required Func<double?, string> Format { get; init; }

    /// <summary>Whether the values stand on one another and make a whole.</summary>
    public bool IsStacked { get; init; }

    /// <summary>Whether there is anything to draw.</summary>
    public bool IsEmpty => Series.All(series => series.Values.All(value => value is null));

    /// <summary>A level that means something, and what.</summary>
    public (double Value, string Label)? Level { get; init; }
}
