using CloudSync.Cli.DeadLetters;
using CloudSync.Sdk;
using Confluent.Kafka;
using Spectre.Console.Cli;

namespace CloudSync.Cli;

/// <summary>The commands, and what their ends mean: 0 done, 1 failed, 2 a wrong command line, 130 interrupted.</summary>
internal static class CommandLine
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Wrong = 2;
    public const int Interrupted = 130;

    public static async Task<int> RunAsync(IReadOnlyList<string> args, Surroundings surroundings, CancellationToken cancellationToken)
    {
        var app = new CommandApp();
        app.Configure(config => Configure(config, surroundings));
        try
        {
            return await app.RunAsync(args, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
        catch (Exception e) when (e is DeadLetterRedriveException or KafkaException or IOException)
        {
            await surroundings.Error.WriteLineAsync(SafeText.Line(e.Message));
            return Failed;
        }
        catch (Exception e) when (e is CommandAppException or WrongCommandLineException)
        {
            await surroundings.Error.WriteLineAsync($"{SafeText.Line(e.Message)} Try --help.");
            return Wrong;
        }
    }

    private static void Configure(IConfigurator config, Surroundings surroundings)
    {
        config.Settings.ApplicationName = "cloudsync";
        config.Settings.ApplicationVersion = typeof(CommandLine).Assembly.GetName().Version!.ToString(3);
        config.Settings.StrictParsing = true;
        config.Settings.PropagateExceptions = true;
        config.Settings.CancellationExitCode = Interrupted;
        config.Settings.Console = surroundings.Console;
        config.Settings.MaximumIndirectExamples = 10;
        config.Settings.Registrar.RegisterInstance(surroundings);
        config.AddBranch("dlq", dlq =>
        {
            dlq.SetDescription("Looks at dead letters, and sends them back.");
            dlq.AddCommand<ListCommand>("list")
                .WithDescription("Lists dead letters that wait, and counts them by group and kind of error. Shows no key and no payload.")
                .WithExample("dlq", "list", "-b", "kafka-1:9092")
                .WithExample("dlq", "list", "-b", "kafka-1:9092", "--group", "aws-sync-group", "--error-type", "ValidationError", "--since", "2h");
            dlq.AddCommand<ShowCommand>("show")
                .WithDescription("Shows all that is known of a dead letter: why, where, when, how often, and its headers.")
                .WithExample("dlq", "show", "3:1042", "-b", "kafka-1:9092")
                .WithExample("dlq", "show", "order-4711", "-b", "kafka-1:9092", "--payload");
            dlq.AddCommand<RedriveCommand>("redrive")
                .WithDescription(
                    "Sends dead letters back to the group that failed, each once, in the order of their keys. Goes on where an earlier run has ended. "
                    + "Exit code: 0 done, 1 failed, 2 a wrong command line, 130 interrupted.")
                .WithExample("dlq", "redrive", "-b", "kafka-1:9092", "--group", "aws-sync-group", "--dry-run")
                .WithExample("dlq", "redrive", "-b", "kafka-1:9092", "--group", "aws-sync-group", "--rate", "100")
                .WithExample("dlq", "redrive", "-b", "kafka-1:9092", "--consumer", "aws", "--error-type", "ValidationError", "--since", "2026-11-23T08:00:00Z", "--yes");
        });
    }
}

/// <summary>What was asked for makes no sense, for a reason that the sentence names.</summary>
internal sealed class WrongCommandLineException(string message) : Exception(message);
