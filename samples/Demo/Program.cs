using System.Globalization;
using CloudSync.Sdk;
using Demo.Copies;
using Microsoft.Extensions.Logging;
using Spectre.Console;

namespace Demo;

/// <summary>HTTP → Kafka → two clouds on a bad day, and a verdict.</summary>
internal static class Program
{
    // Nothing has moved for so long: breaks, time-outs and retries all take less.
    private static readonly TimeSpan Standstill = TimeSpan.FromSeconds(45);

    public static async Task<int> Main(string[] args)
    {
        if (DemoOptions.Parse(args, out var error) is not { } options)
        {
            await Console.Error.WriteLineAsync($"{error} Try --help.");
            return 2;
        }

        if (options.Help)
        {
            Console.Write(DemoOptions.Usage);
            return 0;
        }

        if (options.Report is { } file && !CanWrite(file))
        {
            await Console.Error.WriteLineAsync($"--report: {file} can't be written.");
            return 2;
        }

        var log = new FileLog(Path.Combine(Path.GetTempPath(), $"cloudsync-demo-{Environment.ProcessId}.log"));
        var exitCode = 1;
        try
        {
            return exitCode = await (options.Idempotency ? CopiesRun.RunAsync(options, log) : RunAsync(options, log));
        }
        catch (Exception e)
        {
            log.Write(LogLevel.Critical, nameof(Demo), "The demo has ended", e);
            await Console.Error.WriteLineAsync(e is DemoException ? e.Message : $"The demo could not go on: {e.GetType().Name}: {e.Message}");
            return exitCode;
        }
        finally
        {
            if (exitCode == 1)
                await Console.Error.WriteLineAsync($"What the hosts logged: {log.Path}");
            else
                log.Delete();
        }
    }

    /// <summary>The key that a cloud's endpoint asks for.</summary>
    public static string ApiKeyOf(string cloud) => $"demo-key-of-{cloud}";

    // Found out before the run, and not after it.
    private static bool CanWrite(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return false;
        }
    }

    private static async Task<int> RunAsync(DemoOptions options, FileLog log)
    {
        using var interrupt = new Interrupt();
        using var metrics = new SdkMetrics();
        var run = string.Create(CultureInfo.InvariantCulture, $"run{DateTimeOffset.UtcNow:MMddHHmmss}{Environment.ProcessId}");
        var ledger = new Ledger(new DemoMessages(run, options.Messages), "aws", "azure");

        // Kafka, and who reads its dead letters.
        await using var kafka = await DemoKafka.StartAsync(options.Kafka);
        using var deadLetters = new DeadLetterReader(kafka, ledger);

        // Two clouds on a bad day.
        await using var aws = await BadDayEndpoint.StartAsync(
            ledger["aws"], new BadDay(options.Messages, 1, TimeProvider.System), "x-api-key", ApiKeyOf("aws"), log);
        await using var azure = await BadDayEndpoint.StartAsync(
            ledger["azure"], new BadDay(options.Messages, 2, TimeProvider.System), "Ocp-Apim-Subscription-Key", ApiKeyOf("azure"), log);

        // The three hosts.
        await using var hosts = new Hosts(kafka, log);
        var api = await hosts.StartApiAsync();
        await hosts.StartAwsAsync(aws);
        await hosts.StartAzureAsync(azure);
        Introduce(options, kafka, api, aws, azure);

        // Post, and watch the messages travel.
        using var poster = new Poster(ledger, api, options.Rate);
        var progress = new Progress(ledger, metrics, poster);
        var lag = new Dictionary<string, long?>();
        using (var over = new CancellationTokenSource())
        {
            var shown = progress.ShowAsync(over.Token);
            await PostAndSettleAsync(poster, ledger, interrupt.Token);
            if (!interrupt.Requested)
                lag = await kafka.LagWhenCommittedAsync([.. ledger.Clouds.Select(cloud => cloud.Name)], interrupt.Token);
            await over.CancelAsync();
            await shown;
        }

        // Stop, unless strangers are invited; then judge.
        var interrupted = interrupt.Requested;
        if (!options.KeepRunning || interrupted)
            await hosts.StopAsync();
        var verdict = Verdict.Of(ledger, lag, interrupted);
        VerdictView.Show(verdict, [aws, azure], poster, progress.Elapsed);
        if (options.Report is { } report)
            await File.WriteAllTextAsync(report, verdict.ToJson() + Environment.NewLine);

        if (options.KeepRunning && !interrupted)
        {
            // The run has pushed the first lines out of sight.
            ShowAddresses(kafka, api, aws, azure);
            Console.WriteLine($"What the hosts log: {log.Path}");
            await ShowStrangersAsync(ledger, hosts.Consumers, interrupt.Token);
            await hosts.StopAsync();
        }

        return verdict.ExitCode;
    }

    /// <summary>Posts, and waits until each cloud has every accepted message, accepted or dead-lettered, or nothing moves any more.</summary>
    private static async Task PostAndSettleAsync(Poster poster, Ledger ledger, CancellationToken interrupt)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        var posting = poster.RunAsync(over.Token);
        var moves = -1L;
        var moved = TimeProvider.System.GetTimestamp();
        while (!interrupt.IsCancellationRequested
            && !(posting.IsCompleted && ledger.Clouds.All(cloud => cloud.Settled >= ledger.Accepted))
            && TimeProvider.System.GetElapsedTime(moved) < Standstill)
        {
            var now = ledger.Accepted + ledger.Clouds.Sum(cloud => (long)cloud.Settled);
            if (now != moves)
                (moves, moved) = (now, TimeProvider.System.GetTimestamp());
            await Task.Delay(50, interrupt).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await over.CancelAsync();
        await posting;
    }

    private const string Sample = """{ "key": "order-17", "data": { "hello": "both clouds" } }""";
    private const string Poison = """{ "key": "order-17", "data": { "poison":true } }""";

    private static void Introduce(DemoOptions options, DemoKafka kafka, Uri api, BadDayEndpoint aws, BadDayEndpoint azure)
    {
        Console.WriteLine(FormattableString.Invariant($"{options.Messages:N0} messages: HTTP → Kafka ({(kafka.IsEmbedded ? "embedded" : kafka.BootstrapServers)}) → aws and azure, both on a bad day."));
        if (options.KeepRunning)
            ShowAddresses(kafka, api, aws, azure);
    }

    private static void ShowAddresses(DemoKafka kafka, Uri api, BadDayEndpoint aws, BadDayEndpoint azure) =>
        Console.WriteLine($"""
            Kafka   {kafka.BootstrapServers}   topics {DemoKafka.Topic}, {DemoKafka.DeadLetterTopic}
            API     {api}api/sync
            aws     {aws.Address}/ledger
            azure   {azure.Address}/ledger

            Put a bare record into Kafka, and see it at both endpoints:
              echo 'hello' | kcat -P -b {kafka.BootstrapServers} -t {DemoKafka.Topic} -k some-key
              curl -s {aws.Address}/ledger
              curl -s {azure.Address}/ledger
            Post one over HTTP:
              curl -s {api}api/sync -H 'content-type: application/json' -d '{Sample}'
            Post one that both endpoints refuse, and read it in the dead letters, with why it is there:
              curl -s {api}api/sync -H 'content-type: application/json' -d '{Poison}'
              kcat -C -b {kafka.BootstrapServers} -t {DemoKafka.DeadLetterTopic} -e -f 'key %k\nvalue %s\nheaders %h\n\n'
            Take aws down (or, the same way: /throttled, /hanging, /cut, /locked), post, and see its breaker open; then let it come back:
              curl -X PUT {aws.Address}/down
              curl -X PUT {aws.Address}/fair
            List the dead letters; mend what makes aws refuse poison, and send it its own back:
              dotnet run --project src/CloudSync.Cli -- dlq list -b {kafka.BootstrapServers}
              curl -X PUT {aws.Address}/fixed
              dotnet run --project src/CloudSync.Cli -- dlq redrive -b {kafka.BootstrapServers} --group aws-sync-group

            """);

    /// <summary>Says what arrives from elsewhere, and when a consumer's breaker or pause changes, until Ctrl-C.</summary>
    private static async Task ShowStrangersAsync(Ledger ledger, IReadOnlyList<ICloudSyncConsumer> consumers, CancellationToken until)
    {
        Console.WriteLine("Still running; Ctrl-C ends it. What arrives from elsewhere is shown here.");
        var states = consumers.ToDictionary(consumer => consumer, consumer => StateOf(consumer.Status));
        var shown = ledger.Clouds.ToDictionary(c => c, _ => DateTimeOffset.MinValue);
        while (!until.IsCancellationRequested)
        {
            foreach (var cloud in ledger.Clouds)
            {
                foreach (var message in cloud.LastForeign().Where(m => m.At > shown[cloud]))
                {
                    AnsiConsole.WriteLine($"{cloud.Name} has received {message.Id} ({message.Bytes} bytes): {message.Beginning.ReplaceLineEndings(" ")}");
                    shown[cloud] = message.At;
                }
            }

            foreach (var consumer in consumers)
            {
                var status = consumer.Status;
                if (states[consumer] == StateOf(status))
                    continue;

                states[consumer] = StateOf(status);
                var why = status.ErrorType is { } type ? $" ({type}: {status.Reason})" : "";
                var held = status.IsHeld ? ", waits because it was asked to" : "";
                AnsiConsole.WriteLine($"{DateTimeOffset.Now:HH:mm:ss} {consumer.Name}: breaker {status.Breaker}{why}{held}, reading paused: {status.Paused}, lag a second ago: {status.Lag}");
            }

            await Task.Delay(200, until).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        static (BreakerState Breaker, bool IsHeld, PauseReasons Paused) StateOf(ConsumerStatus status) => (status.Breaker, status.IsHeld, status.Paused);
    }
}
