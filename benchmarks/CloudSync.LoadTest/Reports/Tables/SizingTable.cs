using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports.Tables;

/// <summary>Cores for other rates, a part a row.</summary>
internal static class SizingTable
{
    public static IReadOnlyList<TableColumn<Sizing>> Columns { get; } =
    [
        new("part", part => part.Part, IsNumber: false),
        new("processor seconds a million", part => Figures.Processors(part.SecondsPerMillion)),
        .. Sizing.Rates.Select(rate => new TableColumn<Sizing>($"cores at {Figures.Short(rate)}/s", part => Figures.Processors(part.Cores(rate)))),
    ];

    public static string Introduction(RunResult run) =>
        $"What a message takes of the processors, measured at {Figures.Rate(run.Highest)} a second, and what other rates would take if it took the same there";
}
