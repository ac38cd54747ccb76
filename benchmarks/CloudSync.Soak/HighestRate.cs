using CloudSync.Measuring;

namespace CloudSync.Soak;

/// <summary>
/// Looks for the highest rate that the consumer, the producer and the brokers keep up with on one machine: first as fast as they can, then that rate or less of it, by the clock. Which of the three
/// is the slowest it does not say; it is the producer, as a rule.
/// </summary>
internal static class HighestRate
{
    private const int Ids = 1_000_000;
    private const int Seconds = 20;
    private const int Unbounded = 10_000_000;

    private static readonly double[] Shares = [1, 0.9, 0.8, 0.7, 0.6, 0.5];

    /// <returns>Messages a second.</returns>
    /// <exception cref="InvalidOperationException">They keep up with none.</exception>
    public static async Task<int> FindAsync(BenchmarkKafka kafka, CancellationToken cancellationToken)
    {
        Program.Say("Looking for the highest rate.");
        await using var pair = await Pair.StartAsync(kafka, Ids);
        var most = Unpaced(await StepAsync(pair, Unbounded, cancellationToken));
        if (most == 0)
            throw new InvalidOperationException("Nothing was measured: no message was delivered in the second half of the time. Look at the brokers.");

        Program.Say($"As fast as they can: {most:N0} messages a second.");
        foreach (var rate in Shares.Select(share => (int)(share * most)))
        {
            var keepsUp = KeepsUp(rate, await StepAsync(pair, rate, cancellationToken));
            Program.Say($"At {rate:N0} a second they {(keepsUp ? "keep" : "do not keep")} up.");
            if (keepsUp)
            {
                await DrainedAsync(pair, cancellationToken);
                return rate;
            }
        }

        throw new InvalidOperationException("They keep up with no rate: the machine does something else besides. --rate N gives one.");
    }

    /// <summary>Whether nobody is more than a second late in the second half of a step, and they do not get later.</summary>
    internal static bool KeepsUp(int rate, IReadOnlyList<Sample> step)
    {
        var half = step.Skip(step.Count / 2).ToList();
        return half.TrueForAll(sample => sample.Behind <= rate) && half[^1].Behind <= half[0].Behind + (rate / 4);
    }

    /// <summary>What is wrong when nobody sends and nothing more comes; <see langword="null"/> as it should be. Whoever lacks messages of one step seems to be late in all that follow.</summary>
    internal static string? FaultOf(Sample drained)
    {
        var (produced, delivered) = (drained.Produced, drained.Delivered);
        return produced.Failed > 0 ? FormattableString.Invariant($"{produced.Failed:N0} messages were not acknowledged while the highest rate was looked for. --rate N gives one.")
            : delivered.Messages < produced.Sent
                ? FormattableString.Invariant($"{produced.Sent - delivered.Messages:N0} messages were lost while the highest rate was looked for: by the consumer, or because it was so far behind that the topic had deleted them. --rate N gives one.")
            : delivered.Messages > produced.Sent
                ? FormattableString.Invariant($"{delivered.Messages - produced.Sent:N0} messages were delivered twice while the highest rate was looked for.")
            : null;
    }

    /// <summary>What was delivered in the second half of a step, a second.</summary>
    private static int Unpaced(List<Sample> step)
    {
        var (from, to) = (step[step.Count / 2], step[^1]);
        return (int)((to.Delivered.Messages - from.Delivered.Messages) / (to.Seconds - from.Seconds));
    }

    private static async Task DrainedAsync(Pair pair, CancellationToken cancellationToken)
    {
        await pair.PaceAsync(0);
        if (FaultOf(await pair.UntilDeliveredAsync(cancellationToken)) is { } fault)
            throw new InvalidOperationException(fault);
    }

    private static async Task<List<Sample>> StepAsync(Pair pair, int rate, CancellationToken cancellationToken)
    {
        await DrainedAsync(pair, cancellationToken);
        await pair.PaceAsync(rate);
        var step = new List<Sample>();
        for (var i = 0; i < Seconds; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            step.Add(await pair.SampleAsync());
        }

        return step;
    }
}
