using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// Looks once, beside the start, whether the dead-letter topic keeps letters for as long as it says. A letter has its original's timestamp, and by that the brokers reckon
/// its age: one of a message that is older than the topic's retention would be deleted at once.
/// </summary>
internal static class DeadLetterTopicCheck
{
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(10);

    /// <summary>Asks for the topic's settings and warns. Fails nothing: brokers that do not answer, or refuse the question, say nothing about the topic.</summary>
    /// <param name="settings">The connection, with its security.</param>
    /// <param name="topic">The dead-letter topic.</param>
    /// <param name="log">Is warned.</param>
    public static async Task RunAsync(IEnumerable<KeyValuePair<string, string>> settings, string topic, ILogger log)
    {
        try
        {
            using var admin = new AdminClientBuilder(settings).SetErrorHandler((_, _) => { }).SetLogHandler((_, _) => { }).Build();
            var answers = await admin.DescribeConfigsAsync(
                [new ConfigResource { Type = ResourceType.Topic, Name = topic }], new DescribeConfigsOptions { RequestTimeout = AnswerWithin });
            if (RetentionByOriginal(answers.Single().Entries.ToDictionary(e => e.Key, e => e.Value.Value)) is { } retention)
                log.LettersMayBeDeleted(topic, retention);
        }
        catch (Exception e)
        {
            log.ClientSays("dead-letter topic", $"The settings of {topic} can't be read, so how long it keeps letters is not checked: {e.Message}");
        }
    }

    /// <summary>How long a letter is kept when that is reckoned from its original's timestamp; <see langword="null"/> when it is reckoned from the writing, or kept for ever.</summary>
    public static TimeSpan? RetentionByOriginal(IReadOnlyDictionary<string, string> topic) =>
        topic.GetValueOrDefault("message.timestamp.type") == "CreateTime"
        && long.TryParse(topic.GetValueOrDefault("retention.ms"), NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
        && milliseconds <= TimeSpan.MaxValue.TotalMilliseconds
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;
}
