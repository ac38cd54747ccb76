using CloudSync.Compare.Arms;
using CloudSync.Measuring;

namespace CloudSync.Compare;

/// <summary>Ours beside what one would write by hand, in one run. Each contender runs in a process of its own, see <see cref="Child"/>.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (args is [Child.Argument, var job])
            return await Child.RunAsync(job);

        Settings settings;
        try
        {
            settings = Settings.Parse(args);
        }
        catch (FormatException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 2;
        }

        using var interrupt = new Interrupt();
        try
        {
            return await CompareAsync(settings, interrupt.Token) ? 0 : 1;
        }
        catch (OperationCanceledException) when (interrupt.Token.IsCancellationRequested)
        {
            return Interrupt.ExitCode;
        }
    }

    /// <returns>Whether all arms ran and lost nothing.</returns>
    private static async Task<bool> CompareAsync(Settings settings, CancellationToken cancellationToken)
    {
        if (settings.IsTooSmall)
            Say($"This is a try and no measurement: fewer than {Settings.FewestMessages:N0} messages or {Settings.FewestRounds} rounds say little.");

        await using var kafka = settings.NeedsKafka ? await BenchmarkKafka.StartAsync(settings.Kafka) : null;
        if (kafka is not null)
            Say($"On {kafka.Description}.");

        await using var topics = kafka is null ? null : new Topics(kafka, settings, Say);
        var isFine = true;
        foreach (var arm in settings.Arms)
        {
            try
            {
                var ratios = await (arm switch
                {
                    Produce.Name => Produce.CompareAsync(settings, kafka!, cancellationToken),
                    Consume.Name => Consume.CompareAsync(settings, topics!, cancellationToken),
                    Http.Name => Http.CompareAsync(settings, topics!, cancellationToken),
                    Redis.Name => Redis.CompareAsync(settings, cancellationToken),
                    Trouble.Name => Trouble.CompareAsync(settings, topics!, cancellationToken),
                    _ => Growth.CompareAsync(arm, settings, topics!, cancellationToken),
                });
                foreach (var ratio in ratios)
                    Console.WriteLine(settings.Json ? ratio.ToJson() : ratio.ToText());
            }
            catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Say($"{arm}: {(e is InvalidOperationException ? e.Message : e)}");
                isFine = false;
            }
        }

        return isFine;
    }

    /// <summary>Progress: never on the standard output, which is for the result.</summary>
    internal static void Say(string what) => Console.Error.WriteLine(what);
}
