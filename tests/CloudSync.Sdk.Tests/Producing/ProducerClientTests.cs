using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

/// <summary>Clients whose brokers are not there.</summary>
public class ProducerClientTests
{
    /// <summary>'There is more' would be asked again at once: a loop that takes a processor.</summary>
    [Fact]
    public void One_that_has_nothing_or_is_closed_has_no_more_to_send()
    {
        var client = Client(NullLogger.Instance);
        try
        {
            Assert.False(client.Hurry());

            client.Produce(Record());
            Assert.True(client.Hurry());
        }
        finally
        {
            client.Close();
        }

        Assert.False(client.Hurry());
    }

    [Fact]
    public async Task A_logger_that_throws_is_nothing_to_the_threads_that_poll()
    {
        var log = new ThrowingLog();
        var client = Client(log);
        try
        {
            client.Produce(Record());
            await Eventually.True(() =>
            {
                client.Hurry();
                return log.HasThrown;
            });
        }
        finally
        {
            client.Close();
        }
    }

    private static ProducerClient Client(ILogger log) => new(
        new ProducerConfig { BootstrapServers = "127.0.0.1:1", EnableBackgroundPoll = false },
        "topic",
        new KafkaErrors(TimeProvider.System, (error, advice, since) => log.ProducerError("topic", error.Reason, error.Code.ToString(), advice, since)),
        log);

    private static OutgoingRecord Record()
    {
        var record = new OutgoingRecord();
        record.Fill(new RecordContent { Message = { Headers = [] } }, "id", default, isValueBorrowed: false);
        return record;
    }

    private sealed class ThrowingLog : ILogger
    {
        public bool HasThrown { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            HasThrown = true;
            throw new NotSupportedException("a logger's own");
        }
    }
}
