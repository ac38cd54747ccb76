using System.Diagnostics;
using System.Text.Json;
using CloudSync.Compare.Arms;
using CloudSync.Measuring;

namespace CloudSync.Compare;

/// <summary>What a contender has to do.</summary>
internal sealed record Job(string Arm, string Contender)
{
    /// <summary>The brokers, or the Redis server.</summary>
    public string Server { get; init; } = "";

    public string Topic { get; init; } = "";

    public int Messages { get; init; }

    /// <summary>Partitions of the topic.</summary>
    public int Partitions { get; init; } = Load.Partitions;

    /// <summary>Where the messages are that the process warms up with.</summary>
    public string WarmUpTopic { get; init; } = "";

    public int WarmUpMessages { get; init; }

    /// <summary>Ids that the store remembers beforehand.</summary>
    public int Remembered { get; init; }

    /// <summary>Whether the sink takes messages one by one.</summary>
    public bool OneByOne { get; init; }

    /// <summary>What the sink has trouble with.</summary>
    public TroubleKind Trouble { get; init; }

    /// <summary>How long each call of the sink takes.</summary>
    public TimeSpan Latency { get; init; }

    /// <summary>Calls of the sink at the same time; <see langword="null"/> for our default.</summary>
    public int? MaxConcurrency { get; init; }

    /// <summary>Messages in memory; <see langword="null"/> for our default.</summary>
    public int? MaxHeldMessages { get; init; }

    /// <summary>The HTTP endpoint.</summary>
    public string Url { get; init; } = "";
}

/// <summary>A contender in a process of its own: this program again, with its job as the one argument after <see cref="Argument"/> and its result as the one line that it prints.</summary>
internal static class Child
{
    public const string Argument = "run";

    /// <summary>Runs a job in a new process.</summary>
    public static async Task<RunResult> StartAsync(Job job, CancellationToken cancellationToken)
    {
        using var process = Start(job);
        try
        {
            var line = await process.StandardOutput.ReadLineAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return line is null
                ? throw new InvalidOperationException($"{job.Arm}: {job.Contender} has ended with {process.ExitCode} and no result.")
                : JsonSerializer.Deserialize<RunResult>(line)!;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    /// <summary>Starts a process, which ends at the latest when this one closes its end of the pipe: by dying, in whatever way.</summary>
    public static Process Start(Job job) =>
        Process.Start(new ProcessStartInfo("dotnet", [typeof(Child).Assembly.Location, Argument, JsonSerializer.Serialize(job)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;

    /// <summary>Does a job in this process.</summary>
    public static async Task<int> RunAsync(string json)
    {
        new Thread(EndWithParent) { IsBackground = true }.Start();
        var job = JsonSerializer.Deserialize<Job>(json)!;
        if (job is { Arm: Http.Name, Contender: Http.Endpoint })
            await CountingEndpoint.ServeAsync();

        var result = job.Arm switch
        {
            Produce.Name => await Produce.RunAsync(job),
            Consume.Name => await Consume.RunAsync(job),
            Http.Name => await Http.RunAsync(job),
            Redis.Name => await Redis.RunAsync(job),
            _ => throw new InvalidOperationException($"There is no arm {job.Arm}."),
        };
        Console.WriteLine(JsonSerializer.Serialize(result));
        return 0;
    }

    /// <summary>
    /// After the warm-up: what it has left is collected, and the compiler, which works in the background, has time for what turned out to be hot. Without it whoever prepares for longest measures
    /// the best code.
    /// </summary>
    public static Task SettleAsync()
    {
        GC.Collect();
        return Task.Delay(TimeSpan.FromSeconds(1));
    }

    private static void EndWithParent()
    {
        while (Console.In.Read() >= 0)
        {
        }

        Environment.Exit(1);
    }
}
