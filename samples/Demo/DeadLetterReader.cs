using System.Text;
using Confluent.Kafka;

namespace Demo;

/// <summary>Reads the dead-letter topic with a plain client, from where it ended when the run began, and tells the ledger.</summary>
internal sealed class DeadLetterReader : IDisposable
{
    private readonly IConsumer<byte[], byte[]> _client;
    private readonly Ledger _ledger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;

    public DeadLetterReader(DemoKafka kafka, Ledger ledger)
    {
        _ledger = ledger;
        _client = kafka.NewConsumer("cloudsync-demo-ledger");
        _client.Assign(DemoKafka.Ends(_client, DemoKafka.DeadLetterTopic));
        _thread = new Thread(Read) { IsBackground = true, Name = "dead letters" };
        _thread.Start();
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _client.Dispose();
        _stop.Dispose();
    }

    private static string? Text(Headers headers, string name) =>
        headers.TryGetLastBytes(name, out var bytes) && bytes is { Length: > 0 } ? Encoding.UTF8.GetString(bytes) : null;

    private void Read()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (_client.Consume(TimeSpan.FromMilliseconds(100)) is { Message: { } message })
                    Tell(message);
            }
            catch (ConsumeException)
            {
                // The client has lost its broker for a moment, and goes on by itself; what stays away shows as a missing message.
            }
        }
    }

    private void Tell(Message<byte[], byte[]> message)
    {
        // The names are written out here: a ledger that took them from the SDK would agree with it whatever they were.
        if (message.Headers.TryGetLastBytes("cloudsync-dlq-redriven", out _))
            return; // A marker of a redrive, and no letter.

        var group = Text(message.Headers, "cloudsync-dlq-consumer-group");
        var saysWhy = Text(message.Headers, "cloudsync-dlq-error-type") is not null
            && Text(message.Headers, "cloudsync-dlq-exception-message") is not null
            && Text(message.Headers, "cloudsync-dlq-topic") == DemoKafka.Topic
            && Text(message.Headers, "cloudsync-dlq-partition") is not null
            && Text(message.Headers, "cloudsync-dlq-offset") is not null
            && Text(message.Headers, "cloudsync-dlq-attempts") is not null;
        var cloud = _ledger.Clouds.FirstOrDefault(c => $"{c.Name}-sync-group" == group);
        cloud?.DeadLetter(Text(message.Headers, "ce_id"), message.Key, message.Value, saysWhy);
    }
}
