using System.ComponentModel;
using CloudSync.Sdk;
using Spectre.Console.Cli;

namespace CloudSync.Cli.DeadLetters;

/// <summary>Where the dead letters are.</summary>
internal class ConnectionSettings : CommandSettings
{
    private const string BootstrapVariable = "CLOUDSYNC_BOOTSTRAP_SERVERS";
    private const string KafkaVariables = "CLOUDSYNC_KAFKA__";

    [CommandOption("-b|--bootstrap-servers <HOST:PORT>")]
    [Description("Kafka's addresses, separated by commas. Or in the environment: CLOUDSYNC_BOOTSTRAP_SERVERS.")]
    public string? BootstrapServers { get; init; }

    [CommandOption("-t|--topic <TOPIC>")]
    [Description("The topic of dead letters.")]
    [DefaultValue("data-topic-dlq")]
    public string Topic { get; init; } = "data-topic-dlq";

    [CommandOption("--kafka <NAME=VALUE>")]
    [Description(
        "A setting of the Kafka client by librdkafka's name, any number of times. Secrets belong into the environment, where no list of processes shows them: "
        + "CLOUDSYNC_KAFKA__sasl__password means sasl.password.")]
    public string[] Kafka { get; init; } = [];

    [CommandOption("--timeout <TIME>")]
    [Description("How long the brokers may take to answer, such as 10s.")]
    [DefaultValue("30s")]
    public string Timeout { get; init; } = "30s";

    [CommandOption("--json")]
    [Description("Writes JSON, one object a line.")]
    public bool Json { get; init; }

    /// <exception cref="WrongCommandLineException">Something is wrong, or missing.</exception>
    public DeadLetterRedrive Connect(Surroundings surroundings)
    {
        var options = new DeadLetterRedriveOptions
        {
            BootstrapServers = BootstrapServers ?? surroundings.Environment.GetValueOrDefault(BootstrapVariable) ?? "",
            Topic = Topic,
            Timeout = Sdk.Settings.SettingText.TryRead(Timeout, typeof(TimeSpan), out var time)
                ? (TimeSpan)time
                : throw new WrongCommandLineException($"--timeout is '{Timeout}'; it must be a time such as 10s or 2m."),
        };
        if (string.IsNullOrWhiteSpace(options.BootstrapServers))
            throw new WrongCommandLineException($"Where is Kafka? Give --bootstrap-servers HOST:PORT, or set {BootstrapVariable}.");

        foreach (var (name, value) in surroundings.Environment)
        {
            // A shell can't set a variable with dots in its name.
            if (name.StartsWith(KafkaVariables, StringComparison.Ordinal))
                options.Kafka[name[KafkaVariables.Length..].Replace("__", ".", StringComparison.Ordinal).ToLowerInvariant()] = value;
        }

        foreach (var setting in Kafka)
        {
            var parts = setting.Split('=', 2);
            if (parts.Length < 2 || parts[0].Length == 0)
                throw new WrongCommandLineException("--kafka needs NAME=VALUE, such as --kafka security.protocol=sasl_ssl.");

            options.Kafka[parts[0]] = parts[1];
        }

        try
        {
            return new DeadLetterRedrive(options, surroundings.Time);
        }
        catch (ArgumentException e)
        {
            var message = e.Message[..e.Message.LastIndexOf(" (Parameter", StringComparison.Ordinal)];
            throw new WrongCommandLineException(message.Replace($"{nameof(DeadLetterRedriveOptions)}.", "", StringComparison.Ordinal).ReplaceLineEndings(" "));
        }
    }
}
