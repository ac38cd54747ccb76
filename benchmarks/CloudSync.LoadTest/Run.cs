using System.Globalization;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Measuring;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Results;
using CloudSync.LoadTest.Views;

namespace CloudSync.LoadTest;

/// <summary>One round: all parts started, a warm-up, the steps, the audit.</summary>
internal sealed class Run(Options options, IProgressView view)
{
    private const int WarmUpRate = 20_000;

    /// <summary>Nothing more has come for so long.</summary>
    private static readonly TimeSpan Standstill = TimeSpan.FromSeconds(20);

    /// <exception cref="InvalidOperationException">A part does not start or has ended, or nothing is accepted.</exception>
    public async Task<RunResult> RunAsync(int round, CancellationToken cancellationToken)
    {
        var info = Info(round);
        view.Say("Starting.");
        await using var stage = await Stage.StartAsync(options, cancellationToken);
        info = info with { Description = stage.Description };
        view.Say($"On {stage.Description}.");
        var steps = new List<StepResult>();
        try
        {
            var ended = await WarmUpAsync(stage, cancellationToken) ? await StepsAsync(stage, steps, cancellationToken) : null;
            return Result(await AuditAsync(stage), cancellationToken.IsCancellationRequested ? RunResult.Interrupted : ended);
        }
        catch (InvalidOperationException e) when (steps.Count > 0)
        {
            // A part has died. What was measured until then is there all the same.
            return Result([], e.Message) with { IsAudited = false };
        }

        RunResult Result(IReadOnlyList<AuditResult> audit, string? ended) => new()
        {
            Info = info,
            Steps = steps,
            Audit = audit,
            Ended = ended,
            Highest = Limits.Highest(steps),
        };
    }

    private RunInfo Info(int round) => new()
    {
        Started = DateTimeOffset.UtcNow,
        Target = options.Target.ToString().ToLowerInvariant(),
        Description = "",
        Command = string.Join(' ', Environment.GetCommandLineArgs().Skip(1)),
        Processors = Environment.ProcessorCount,
        Machine = $"{System.Runtime.InteropServices.RuntimeInformation.OSDescription}, {System.Runtime.InteropServices.RuntimeInformation.OSArchitecture}, .NET {Environment.Version}",
        PayloadBytes = options.Payload,
        Keys = options.Keys,
        Round = round,
        Fault = options.Fault == Fault.None ? null : options.Fault.ToString().ToLowerInvariant(),
    };

    /// <summary>Until everything has been through once: consumers join their groups, connections are made, code is compiled.</summary>
    /// <returns>Whether it was not interrupted.</returns>
    private async Task<bool> WarmUpAsync(Stage stage, CancellationToken cancellationToken)
    {
        view.Say(string.Create(CultureInfo.InvariantCulture, $"Warming up for {options.WarmUp.TotalSeconds:N0} s."));
        var rate = Math.Min(WarmUpRate, options.Steps.Max());
        var step = await new Step(options, stage, view).RunAsync(rate, options.WarmUp, cancellationToken);
        var failed = string.Join(
            ", ", step.Errors.Append(new("503, no more is taken", step.QueueFull)).Where(error => error.Value > 0).Select(error => string.Create(CultureInfo.InvariantCulture, $"{error.Key} × {error.Value:N0}")));
        if (cancellationToken.IsCancellationRequested)
            return false;
        if (step.Accepted == 0)
            throw new InvalidOperationException($"Nothing was accepted in the warm-up: {failed}. Asked was {stage.Description}.");
        if (failed.Length > 0)
            view.Say($"In the warm-up some failed: {failed}. They may arrive all the same.");
        return true;
    }

    /// <returns>Why it ended before the last step.</returns>
    private async Task<string?> StepsAsync(Stage stage, List<StepResult> steps, CancellationToken cancellationToken)
    {
        var inARow = 0;
        for (var i = 0; i < options.Steps.Count && !cancellationToken.IsCancellationRequested; i++)
        {
            var asked = options.Steps[i];
            view.Begin(i + 1, options.Steps.Count, asked);
            var step = await new Step(options, stage, view).RunAsync(asked, options.Duration, cancellationToken);
            steps.Add(step);
            view.End(step);
            if (step.Endpoints.FirstOrDefault(endpoint => endpoint.DrainSeconds is null) is { } stuck && !cancellationToken.IsCancellationRequested)
                return string.Create(CultureInfo.InvariantCulture, $"Nothing more arrived at {stuck.Name} for {Standstill.TotalSeconds:N0} s after the step of {asked:N0} a second, though not all was there.");

            inARow = Ladder.FallsFarShort(asked, Limits.Got(step)) ? inARow + 1 : 0;
            if (inARow == 2)
                return string.Create(CultureInfo.InvariantCulture, $"Two steps in a row got less than 80 % of what they asked for, the last of them {Limits.Got(step):N0} of {asked:N0} a second.");
        }

        return null;
    }

    private static async Task<IReadOnlyList<AuditResult>> AuditAsync(Stage stage)
    {
        var results = new List<AuditResult>();
        foreach (var endpoint in stage.Endpoints)
            results.Add(await AuditAsync(stage, endpoint));
        return results;
    }

    /// <summary>What seems lost may be under way: messages that came though they were not acknowledged stand in for it where arrivals are only counted. It is lost when nothing more comes.</summary>
    private static async Task<AuditResult> AuditAsync(Stage stage, string endpoint)
    {
        for (var last = -1L; ;)
        {
            var count = await stage.FiguresOfAsync(endpoint);
            var consumer = await stage.ConsumerFiguresAsync(endpoint);
            var order = await stage.OrderOfAsync(endpoint);
            var result = Auditor.Audit(endpoint, stage.Ledger, new Arrivals(order, count.Duplicates, count.Invented), consumer.DeadLetters, stage.Messages.KeyNumberOf);
            if (result.Lost == 0 || count.Arrived == last)
                return result;

            last = count.Arrived;
            await Task.Delay(TimeSpan.FromSeconds(2), CancellationToken.None);
        }
    }
}
