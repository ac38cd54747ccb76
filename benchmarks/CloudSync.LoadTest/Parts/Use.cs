namespace CloudSync.LoadTest.Parts;

/// <summary>What can be asked for what it has taken of the machine.</summary>
internal interface IUsed
{
    /// <summary>What it is called in the reports.</summary>
    string Name { get; }

    Task<Use> UseAsync();
}

/// <summary>What a process has taken since it was started.</summary>
/// <param name="ProcessorSeconds">Of all processors.</param>
/// <param name="MemoryMiB">Resident memory at the moment.</param>
/// <param name="Collections">Of each generation; <see langword="null"/> without .NET.</param>
/// <param name="PausedSeconds">How long it stood still for them.</param>
internal sealed record Use(double ProcessorSeconds, double MemoryMiB, int[]? Collections, double? PausedSeconds)
{
    public static Use OfThisProcess() => new(
        Environment.CpuUsage.TotalTime.TotalSeconds, Environment.WorkingSet / 1024.0 / 1024,
        [.. Enumerable.Range(0, GC.MaxGeneration + 1).Select(GC.CollectionCount)], GC.GetTotalPauseDuration().TotalSeconds);
}

/// <summary>The generator: this process.</summary>
internal sealed class OwnUse : IUsed
{
    public string Name => "client";

    public Task<Use> UseAsync() => Task.FromResult(Use.OfThisProcess());
}
