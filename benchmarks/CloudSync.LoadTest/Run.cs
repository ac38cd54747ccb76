using System.Diagnostics;
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

    private static readonly TimeSpan Glance = TimeSpan.FromSeconds(1);

    private const int LooksAtNothingLeft = 3;

    /// <exception cref="InvalidOperationException">A part does not start or has ended, or nothing is accepted.</exception>
    public async Task<RunResult> RunAsync(int round, CancellationToken cancellationToken)
    {
        var info = Info(round);
        view.Say("Starting.");
        await using var stage = await Stage.StartAsync(options, view.Say, cancellationToken);
        info = info with { Description = stage.Description };
        view.Say($"On {stage.Description}.");
        var steps = new List<StepResult>();
        var isWarm = await WarmUpAsync(stage, cancellationToken);
        try
        {
            var ended = isWarm ? await StepsAsync(stage, steps, cancellationToken) : null;
            return Result(await AuditAsync(stage, cancellationToken), cancellationToken.IsCancellationRequested ? RunResult.Interrupted : ended);
        }
        catch (InvalidOperationException e)
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
        Command = Secrets.Hide(Environment.GetCommandLineArgs().Skip(1)),
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
            var step = await MeasureAsync(stage, asked, cancellationToken);
            steps.Add(step);
            view.End(step);
            if (step.Endpoints.FirstOrDefault(endpoint => endpoint.DrainSeconds is null) is { } stuck && !cancellationToken.IsCancellationRequested)
                return string.Create(CultureInfo.InvariantCulture, $"Nothing more arrived at {stuck.Name} for {options.Standstill.TotalSeconds:N0} s after the step of {asked:N0} a second, though not all was there.");

            inARow = Ladder.FallsFarShort(asked, Limits.Got(step)) ? inARow + 1 : 0;
            if (inARow == 2)
                return string.Create(CultureInfo.InvariantCulture, $"Two steps in a row got less than 80 % of what they asked for, the last of them {Limits.Got(step):N0} of {asked:N0} a second.");
        }

        return null;
    }

    /// <exception cref="InvalidOperationException">A part has ended; what was measured of the step is lost.</exception>
    private async Task<StepResult> MeasureAsync(Stage stage, int asked, CancellationToken cancellationToken)
    {
        try
        {
            return await new Step(options, stage, view).RunAsync(asked, options.Duration, cancellationToken);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{e.Message} That was in the step of {asked:N0} a second, of which no figures are left."), e);
        }
    }

    private async Task<IReadOnlyList<AuditResult>> AuditAsync(Stage stage, CancellationToken cancellationToken)
    {
        await UntilSettledAsync(stage, cancellationToken);

        // What comes twice comes late: nothing may be under way any more when it is judged.
        await stage.StopConsumersAsync();
        var results = new List<AuditResult>();
        foreach (var endpoint in stage.Endpoints)
        {
            var count = await stage.FiguresOfAsync(endpoint);
            var order = await stage.OrderOfAsync(endpoint);
            results.Add(Auditor.Audit(endpoint, stage.Ledger, new Arrivals(order, count.Duplicates, count.Invented), await stage.DeadLettersOfAsync(endpoint), stage.Messages.KeyNumberOf, isWhole: !cancellationToken.IsCancellationRequested));
        }

        return results;
    }

    /// <summary>What seems lost may be under way, and what has arrived may be tried again: waits until the consumers have nothing left to do, or nothing moves any more, or it is interrupted.</summary>
    private async Task UntilSettledAsync(Stage stage, CancellationToken cancellationToken)
    {
        var (moved, last, looks) = (Stopwatch.GetTimestamp(), "", 0);
        while (true)
        {
            var (state, lag) = (new List<long>(), 0L);
            foreach (var endpoint in stage.Endpoints)
            {
                var count = await stage.FiguresOfAsync(endpoint);
                var consumer = await stage.ConsumerFiguresAsync(endpoint);
                lag += consumer.Lag;
                state.AddRange([count.Arrived, count.Duplicates, consumer.DeadLetters, consumer.Lag]);
            }

            if (string.Join(' ', state) is var now && now != last)
                (last, moved) = (now, Stopwatch.GetTimestamp());

            // A consumer's lag is that of a second ago.
            looks = lag == 0 ? looks + 1 : 0;
            if (looks == LooksAtNothingLeft || stage.Endpoints.Count == 0 || cancellationToken.IsCancellationRequested || Stopwatch.GetElapsedTime(moved) > options.Standstill)
                return;

            await Task.Delay(Glance, CancellationToken.None);
        }
    }
}
