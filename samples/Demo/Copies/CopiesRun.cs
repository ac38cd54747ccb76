using System.Globalization;

namespace Demo.Copies;

/// <summary>
/// Every message three times, HTTP → Kafka → two clouds, each with a group of two processes that share a Redis, of which one is killed half-way; and a verdict.
/// </summary>
internal static class CopiesRun
{
    // Nothing has moved for so long: the take-over of what a killed process left is the longest wait, and takes a third of it.
    private static readonly TimeSpan Standstill = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Line = TimeSpan.FromSeconds(2);

    public static async Task<int> RunAsync(DemoOptions options, FileLog log)
    {
        using var interrupt = new Interrupt();
        var began = TimeProvider.System.GetTimestamp();
        var run = string.Create(CultureInfo.InvariantCulture, $"run{DateTimeOffset.UtcNow:MMddHHmmss}{Environment.ProcessId}");
        var ledger = new CopiesLedger(new DemoMessages(run, options.Messages), [.. Cloud.All.Select(cloud => cloud.Name)]);

        // Kafka, Redis, the API, and two clouds.
        await using var kafka = await DemoKafka.StartAsync(options.Kafka);
        await using var redis = await DemoRedis.StartAsync(options.Redis);
        await using var hosts = new Hosts(kafka, log);
        var api = await hosts.StartApiAsync();
        using var poster = new CopiesPoster(ledger, api);
        await using var aws = await EndpointOf(Cloud.All[0]);
        await using var azure = await EndpointOf(Cloud.All[1]);
        using var awsGroup = GroupOf(Cloud.All[0], aws);
        using var azureGroup = GroupOf(Cloud.All[1], azure);
        Group[] groups = [awsGroup, azureGroup];
        Say($"{options.Messages:N0} messages, each three times: HTTP → Kafka ({(kafka.IsEmbedded ? "embedded" : kafka.BootstrapServers)}) → aws and azure, two processes each. Redis: {redis.Description}.");

        // Post, kill half-way, and watch.
        foreach (var group in groups)
            group.Start();
        var lag = new Dictionary<string, long?>();
        await DoAllAsync();
        if (!interrupt.Requested)
            lag = await kafka.LagWhenCommittedAsync([.. ledger.Clouds.Select(c => c.Name)], interrupt.Token);

        // Nobody sends any more; judge.
        foreach (var group in groups)
            group.Dispose();
        var verdict = CopiesVerdict.Of(ledger, lag, interrupt.Requested);
        CopiesVerdictView.Show(verdict, TimeProvider.System.GetElapsedTime(began));
        if (options.Report is { } report)
            await File.WriteAllTextAsync(report, verdict.ToJson() + Environment.NewLine);
        return verdict.ExitCode;

        Task<CopiesEndpoint> EndpointOf(Cloud cloud) => CopiesEndpoint.StartAsync(ledger[cloud.Name], cloud.ApiKeyHeader, Program.ApiKeyOf(cloud.Name), log);

        Group GroupOf(Cloud cloud, CopiesEndpoint endpoint) =>
            new(cloud, ledger[cloud.Name], endpoint, SettingsOf(cloud, kafka, redis), log, text => Say($"{text}"));

        void Say(FormattableString text) =>
            Console.WriteLine(FormattableString.Invariant($"{TimeProvider.System.GetElapsedTime(began).TotalSeconds,4:0} s | ") + FormattableString.Invariant(text));

        async Task DoAllAsync()
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(interrupt.Token);
            var doing = PostAndKillAsync(poster, groups, over.Token);
            var moves = -1L;
            var moved = TimeProvider.System.GetTimestamp();
            var shown = moved;
            string? fallen = null;
            while (!(doing.IsCompleted && ledger.Clouds.All(cloud => cloud.CarriedOut >= ledger.Messages.Count))
                && !interrupt.Requested
                && TimeProvider.System.GetElapsedTime(moved) < Standstill)
            {
                fallen = groups.Select(group => group.Fallen).FirstOrDefault(name => name is not null);
                if (fallen is not null || doing.IsFaulted)
                    break;

                var now = ledger.Accepted + ledger.Clouds.Sum(cloud => cloud.Received);
                if (now != moves)
                    (moves, moved) = (now, TimeProvider.System.GetTimestamp());
                if (TimeProvider.System.GetElapsedTime(shown) >= Line)
                {
                    shown = TimeProvider.System.GetTimestamp();
                    Say($"{ledger.Accepted:N0} of {CopiesPoster.Copies * (long)ledger.Messages.Count:N0} copies accepted | carried out: {Progress()}");
                }

                await Task.Delay(50, interrupt.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            await over.CancelAsync();
            await doing;
            if (fallen is not null && !interrupt.Requested)
                throw new DemoException($"The process of {fallen} has ended, and nobody has killed it.");
        }

        string Progress() => string.Join(", ", ledger.Clouds.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Name} {c.CarriedOut:N0}")));
    }

    /// <summary>Posts everything. The last quarter is for the processes that were killed and are there again.</summary>
    private static async Task PostAndKillAsync(CopiesPoster poster, Group[] groups, CancellationToken cancellation)
    {
        try
        {
            await poster.KnockAsync(() => groups.All(group => group.IsHeard), cancellation);
            await poster.RunAsync(KillAsync(), cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }

        async Task KillAsync()
        {
            await Task.WhenAll(groups.Select(group => group.KillAndStartAgainAsync(cancellation)));
            await poster.KnockAsync(() => groups.All(group => group.IsHeardAgain), cancellation);
        }
    }

    // What a killed process has claimed waits for its lease, and its partitions wait for its session: a run of seconds has shorter ones than a cloud. Real brokers
    // take no session below 6 s by default; a rebalance of the embedded Kafka takes a second less than the session.
    private static IReadOnlyList<string> SettingsOf(Cloud cloud, DemoKafka kafka, DemoRedis redis) =>
    [
        "--Logging:LogLevel:Default=Information",
        $"--CloudSync:{cloud.Section}:BootstrapServers={kafka.BootstrapServers}",
        $"--CloudSync:{cloud.Section}:Topic={DemoKafka.Topic}",
        $"--CloudSync:{cloud.Section}:DeadLetters:Topic={DemoKafka.DeadLetterTopic}",
        $"--CloudSync:{cloud.Section}:SinkTimeout=00:00:08",
        $"--CloudSync:{cloud.Section}:Idempotency:Lease=00:00:08",
        $"--CloudSync:{cloud.Section}:MaxBatchSize=20",
        $"--CloudSync:{cloud.Section}:Kafka:session.timeout.ms={(kafka.IsEmbedded ? 3_000 : 6_000)}",
        $"--CloudSync:{cloud.Section}:Kafka:heartbeat.interval.ms=500",
        $"--CloudSync:{cloud.Section}Endpoint:ApiKeyHeader={cloud.ApiKeyHeader}",
        .. cloud.Name == "azure" ? ["--CloudSync:AzureEndpoint:Mode=Batch"] : Array.Empty<string>(),
        .. redis.Address is { } address ? [$"--CloudSync:Redis:Endpoints={address}"] : Array.Empty<string>(),
    ];
}
