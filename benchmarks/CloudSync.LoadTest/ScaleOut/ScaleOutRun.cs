using System.Globalization;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Measuring;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>One group with more and then fewer processes, under a load that is more than they take; then all that is still under way, and the audit.</summary>
internal sealed class ScaleOutRun(Options options, Action<string> say)
{
    /// <summary>A rebalance that takes longer is none that ends.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Nothing more has come for so long: longer than what a killed process has claimed waits for its lease.</summary>
    private static readonly TimeSpan Standstill = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    private readonly List<Hold> _holds = [];
    private IReadOnlyList<MemberState> _members = [];
    private long _arrived;

    /// <exception cref="InvalidOperationException">A part does not start or has ended, or a rebalance does not end.</exception>
    public async Task<ScaleOutResult> RunAsync(CancellationToken cancellationToken)
    {
        var started = DateTimeOffset.UtcNow;
        await using var stage = await ScaleOutStage.StartAsync(options, say, cancellationToken);
        say($"On {stage.Description}. One process takes {Number(stage.Capacity.PerSecond)} messages a second at most: {stage.Capacity.MaxConcurrency} calls of {stage.Capacity.MaxBatchSize} in {options.EndpointLatency.TotalMilliseconds:0} ms.");
        using var enough = new CancellationTokenSource();
        var supplying = Task.Run(() => stage.Supply.RunAsync(enough.Token), CancellationToken.None);
        try
        {
            foreach (var (instances, change) in options.ScaleOut!.Zip(Change.Between(options.ScaleOut!)))
                _holds.Add(await HoldAsync(stage, instances, change, cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        finally
        {
            await enough.CancelAsync();
            await supplying;
        }

        say($"Waiting for {Number(stage.Ledger.Accepted - _arrived)} messages that are still under way.");
        await DrainAsync(stage, cancellationToken.IsCancellationRequested ? Standstill / 12 : Standstill);
        return Judge(stage, await stage.CallsAsync(), await stage.DeadLettersAsync(), Info(started, stage.Description), isWhole: !cancellationToken.IsCancellationRequested) with { Ended = cancellationToken.IsCancellationRequested ? "It was interrupted." : null };
    }

    private async Task<Hold> HoldAsync(ScaleOutStage stage, int instances, Change change, CancellationToken cancellationToken)
    {
        var began = MachineClock.Now;
        var changing = change.Kind switch
        {
            ChangeKind.Start => stage.Group.AddAsync(change.By),
            ChangeKind.Stop => stage.Group.StopAsync(change.By),
            _ => stage.Group.KillAsync(change.By),
        };
        try
        {
            await UntilAsync(stage, () => changing.IsCompleted, cancellationToken);
        }
        finally
        {
            // An interrupt must not leave a process half started: what it has claimed would wait for its lease.
            await changing;
        }

        await UntilAsync(
            stage,
            () => Group.IsSettled(_members, options.Partitions)
                || (MachineClock.Now - began < Patience ? false : throw new InvalidOperationException($"{change}: {Patience.TotalSeconds:0} s later the {options.Partitions} partitions are not shared out: {Owned()}.")),
            cancellationToken);

        IReadOnlyList<IUsed> used = [.. stage.Used, .. stage.Group.Parts];
        var (settled, useBefore) = (MachineClock.Now, await StepUse.NowAsync(used));
        say($"{instances} processes ({change}): settled after {(settled - began).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s, partitions {Owned()}.");
        await UntilAsync(stage, () => MachineClock.Now - settled >= options.Duration, cancellationToken);
        var ended = MachineClock.Now;
        return new Hold(instances, change, began, settled, ended, [.. _members.Select(member => member.Partitions)], (await StepUse.NowAsync(used)).Since(useBefore).Parts);
    }

    /// <summary>Looks at the group again and again, and has as much produced as it needs, until something is so.</summary>
    private async Task UntilAsync(ScaleOutStage stage, Func<bool> isSo, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _members = await stage.Group.LookAsync();
            _arrived = await stage.ArrivedAsync();
            var most = (long)Math.Min(stage.MostOutstanding, stage.Capacity.PerSecond * options.ScaleOut!.Max() * Supply.MostAhead.TotalSeconds);
            stage.Supply.Rate = Supply.Wanted(_members, options.Partitions, stage.Capacity.PerSecond, stage.Ledger.Accepted - _arrived, most);
            if (isSo())
                return;

            await Task.Delay(Glance, cancellationToken);
        }
    }

    private async Task DrainAsync(ScaleOutStage stage, TimeSpan patience)
    {
        var moved = MachineClock.Now;
        while (_arrived < stage.Ledger.Accepted && MachineClock.Now - moved < patience)
        {
            await Task.Delay(Glance, CancellationToken.None);
            var before = _arrived;
            _members = await stage.Group.LookAsync();
            _arrived = await stage.ArrivedAsync();
            moved = _arrived > before ? MachineClock.Now : moved;
        }

        // What comes twice comes late: nothing may be under way any more when it is judged.
        await stage.Group.StopAsync(stage.Group.Count);
    }

    private ScaleOutResult Judge(ScaleOutStage stage, IReadOnlyList<Call> calls, IReadOnlySet<long> deadLetters, RunInfo info, bool isWhole)
    {
        var repeats = Repeats.Of(calls, stage.Group.Killed, stage.Messages.KeyNumberOf);
        var invented = calls.Sum(call => (long)call.Foreign) + calls.Sum(call => call.Numbers.Count(number => number >= stage.Ledger.Sent));
        var arrivals = new Arrivals(Evaluation.Order(calls, stage.Ledger.Sent), repeats.Unanswered + repeats.LastMoment + repeats.ForNothing, invented);
        var audit = Auditor.Audit("aws", stage.Ledger, arrivals, deadLetters, stage.Messages.KeyNumberOf);
        return new ScaleOutResult
        {
            Info = info,
            Settings = stage.Capacity.Settings,
            EndpointMilliseconds = options.EndpointLatency.TotalMilliseconds,
            Capacity = stage.Capacity.PerSecond,
            Partitions = options.Partitions,
            Counts = Evaluation.Of(_holds, new Timeline(calls, options.Partitions, number => stage.Ledger.PlaceOf(number)?.Partition)),
            Audit = audit,
            CameAgainUnanswered = repeats.Unanswered,
            CameAgainAnswered = repeats.LastMoment,
            Checks = Verdict.Of(audit, repeats, stage.Group.Killed.Count, stage.Capacity.UnderWay, calls.Count, calls.Count(call => !call.HasItsKey), isWhole),
            PerSecond = Evaluation.PerSecond(calls),
        };
    }

    private RunInfo Info(DateTimeOffset started, string description) => new()
    {
        Started = started,
        Target = "scale-out",
        Description = description,
        Command = Secrets.Hide(Environment.GetCommandLineArgs().Skip(1)),
        Processors = Environment.ProcessorCount,
        Machine = $"{System.Runtime.InteropServices.RuntimeInformation.OSDescription}, {System.Runtime.InteropServices.RuntimeInformation.OSArchitecture}, .NET {Environment.Version}",
        PayloadBytes = options.Payload,
        Keys = options.Keys,
        Round = 1,
    };

    private string Owned() => string.Join(" + ", _members.Select(member => member.Partitions));

    private static string Number(double number) => number.ToString("#,0", CultureInfo.InvariantCulture);
}
