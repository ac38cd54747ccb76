using System.Globalization;
using CloudSync.Sdk.Testing;

namespace CloudSync.LoadTest.Parts;

/// <summary>The embedded Kafka in a process of its own, so that what it takes of the machine is known.</summary>
internal static class EmbeddedKafkaPart
{
    public const string Name = "broker";

    /// <summary>Has a topic made: this, its name and its partitions.</summary>
    public const string TopicQuestion = "topic";

    public static async Task RunAsync()
    {
        await using var kafka = EmbeddedKafka.Start();
        await PartLoop.RunAsync(kafka.BootstrapServers, question =>
        {
            var words = question.Split(' ');
            if (words[0] != TopicQuestion)
                return Task.FromResult<object?>(null);

            kafka.CreateTopic(words[1], int.Parse(words[2], CultureInfo.InvariantCulture));
            return Task.FromResult<object?>(true);
        });
    }
}
