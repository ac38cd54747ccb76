using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class QuietLoggerTests
{
    [Fact]
    public void A_log_that_can_not_be_written_stops_nobody() =>
        new QuietLogger(new FullDisk()).ClassifierThrew(new InvalidOperationException(), typeof(QuietLoggerTests));

    [Fact]
    public void What_can_be_written_is_written()
    {
        var inner = new FakeLogger();
        new QuietLogger(inner).Isolated("aws", "ticket 4711");

        Assert.Contains("ticket 4711", inner.LatestRecord.Message, StringComparison.Ordinal);
    }

    private sealed class FullDisk : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new AggregateException(new IOException("No space left on device"));
    }
}
