using CloudSync.Measuring;

namespace CloudSync.Compare.Arms;

/// <summary>What happens to the rate when something grows: partitions, keys, payloads, the window, or how long a call of the sink takes.</summary>
internal static class Growth
{
    private const string Partitions = "partitions";
    private const string Keys = "keys";
    private const string Payload = "payload";
    private const string Window = "window";
    private const string Latency = "latency";

    /// <summary>Bytes of payloads in a topic, at most.</summary>
    private const long MostBytes = 2L * 1024 * 1024 * 1024;

    public static string[] Names { get; } = [Partitions, Keys, Payload, Window, Latency];

    public static Task<IReadOnlyList<Ratio>> CompareAsync(string arm, Settings settings, Topics topics, CancellationToken cancellationToken)
    {
        var shape = new Shape(settings.Messages);
        return arm switch
        {
            Partitions => BesideRawAsync(
                from partitions in (int[])[1, 12, 96] select ($"ours, {partitions} partitions", shape with { Partitions = partitions })),
            Keys => BesideRawAsync(
            [
                ("ours, 1 key", shape with { Keys = 1, Messages = Math.Max(1, shape.Messages / 10) }),
                ("ours, 1,000 keys", shape with { Keys = 1_000 }),
                ($"ours, {5 * shape.Messages:N0} keys", new Shape(5 * shape.Messages) { Keys = 5 * shape.Messages }),
            ]),
            Payload => BesideRawAsync(
                from size in (int[])[100, 1_024, 102_400]
                select ($"ours, {size:N0} bytes", shape with { ValueSize = size, Messages = (int)Math.Min(shape.Messages, MostBytes / size) })),
            Window => BesideFirstAsync(
                shape,
                from held in (int[])[10_000, 1_000, 50_000] select ($"ours, MaxHeldMessages {held:N0}", Ours with { MaxHeldMessages = held })),

            // At 100 ms the default options let 80,000 through in a second, so half of the messages take ten.
            Latency => BesideFirstAsync(
                shape with { Messages = Math.Max(1, shape.Messages / 2) },
                [
                    ("ours, 0 ms", Ours),
                    ("ours, 10 ms", After(10)),
                    ("ours, 100 ms", After(100)),
                    ("ours, 100 ms, MaxConcurrency 64", After(100) with { MaxConcurrency = 64 }),
                    ("ours, 100 ms, MaxConcurrency 64, MaxHeldMessages 50,000", After(100) with { MaxConcurrency = 64, MaxHeldMessages = 50_000 }),
                ]),
            _ => throw new InvalidOperationException($"There is no arm {arm}."),
        };

        Job After(int milliseconds) => Ours with { Latency = TimeSpan.FromMilliseconds(milliseconds) };

        async Task<IReadOnlyList<Ratio>> BesideRawAsync(IEnumerable<(string Name, Shape Shape)> values)
        {
            var ratios = new List<Ratio>();
            var warmUp = await topics.WarmUpAsync(cancellationToken);
            foreach (var (name, wanted) in values)
            {
                var topic = await topics.FilledAsync(wanted, cancellationToken);
                Contender ours = Reader(name, Ours, topic, warmUp), raw = Reader(Consume.Raw, new Job(Consume.Name, Consume.Raw), topic, warmUp);
                ratios.AddRange(await Contest.RunAsync(arm, settings.Rounds, [ours, raw], [new(ours, raw)], Program.Say, cancellationToken));
                await topics.DropAsync(topic);
            }

            return ratios;
        }

        async Task<IReadOnlyList<Ratio>> BesideFirstAsync(Shape wanted, IEnumerable<(string Name, Job Job)> values)
        {
            var warmUp = await topics.WarmUpAsync(cancellationToken);
            var topic = await topics.FilledAsync(wanted, cancellationToken);
            Contender[] contenders = [.. values.Select(value => Reader(value.Name, value.Job, topic, warmUp))];
            var (first, others) = (contenders[0], contenders[1..]);
            var ratios = await Contest.RunAsync(
                arm, settings.Rounds, [others[0], first, .. others[1..]], [.. others.Select(ours => new Pairing(ours, first))], Program.Say, cancellationToken);
            await topics.DropAsync(topic);
            return ratios;
        }

        Contender Reader(string name, Job job, FilledTopic topic, FilledTopic warmUp) => Consume.Reader(name, job, topics.Kafka.BootstrapServers, topic, warmUp);
    }

    private static Job Ours => new(Consume.Name, Consume.Ours);
}

/// <summary>A sink whose calls take their time.</summary>
internal sealed class LateSink(Tally tally, TimeSpan latency) : IBatchCloudSink
{
    private readonly CountingSink _sink = new(tally);

    public async ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        tally.Begin();
        await Task.Delay(latency, cancellationToken);
        return await _sink.SendAsync(messages, cancellationToken);
    }
}
