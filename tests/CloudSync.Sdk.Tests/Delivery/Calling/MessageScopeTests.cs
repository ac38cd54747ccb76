using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class MessageScopeTests
{
    private const string Secret = "payload";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_sink_logs_says_of_which_message(bool goesOnElsewhere)
    {
        var sink = new FakeSink();
        using var pipeline = new PipelineUnderTest(sink);
        sink.Send = async (message, _) =>
        {
            if (goesOnElsewhere)
                await Task.Yield();
            Say(pipeline.Log, message.Id);
        };

        pipeline.Read(partition: 3, [.. Enumerable.Range(0, 50).Select(i => ($"key-{i}", (string?)$"id-{i}"))]);
        await pipeline.SettledAsync();

        var lines = pipeline.Log.Collector.GetSnapshot().Where(line => line.Id.Id == 7).ToList();
        Assert.Equal(50, lines.Count);
        foreach (var line in lines)
        {
            var scope = Assert.Single(Scopes(line));
            Assert.Equal(
                $"messaging.message.id={line.Message}, messaging.destination.name=data-topic, messaging.destination.partition.id=3, messaging.kafka.offset={line.Message[3..]}", Text(scope));
        }
    }

    [Fact]
    public async Task A_batch_says_how_many_and_the_first()
    {
        var sink = new FakeBatchSink((_, _) => default);
        using var pipeline = new PipelineUnderTest(sink, options => options.MaxConcurrency = 1);
        sink.Send = async (messages, _) =>
        {
            await Task.Yield();
            Say(pipeline.Log, "batch");
            return [.. messages.Select(_ => SinkResult.Delivered)];
        };

        pipeline.Read(partition: 3, ("a", "id-0"), ("b", "id-1"));
        await pipeline.SettledAsync();

        var line = Assert.Single(pipeline.Log.Collector.GetSnapshot(), line => line.Id.Id == 7);
        Assert.Equal(
            "cloudsync.batch.first_message_id=id-0, messaging.destination.name=data-topic, messaging.destination.partition.id=3, messaging.kafka.offset=0, messaging.batch.message_count=2",
            Text(Assert.Single(Scopes(line))));
    }

    [Fact]
    public async Task Retries_and_dead_letters_are_said_in_the_scope_of_their_message()
    {
        var sink = new FakeSink((_, _) => throw new SinkException(ErrorType.Transient, "No."));
        using var pipeline = new PipelineUnderTest(sink, options => options.Retry.MaxRetryAttempts = 1);

        pipeline.Read(partition: 3, ("key", "id-0"));
        await pipeline.SettledAsync();

        foreach (var id in (int[])[1101, 1102])
            Assert.Equal("id-0", Value(Assert.Single(pipeline.Log.Collector.GetSnapshot(), line => line.Id.Id == id), "messaging.message.id"));
    }

    [Fact]
    public void The_correlation_id_is_there_where_the_record_has_one_and_forges_no_line()
    {
        var log = new FakeLogger();
        using (MessageScope.Begin(log, WithCorrelation("order\n1\u001b[2J")))
            Say(log, "x");

        Assert.Equal("order\uFFFD1\uFFFD[2J", Value(log.LatestRecord, "messaging.message.conversation_id"));
        Assert.DoesNotContain(Secret, string.Concat(Scopes(log.LatestRecord).Select(scope => Text(scope) + scope)), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nobody_logs_nothing_is_made()
    {
        var message = WithCorrelation("c");
        ILogger log = new QuietLogger(NullLogger.Instance);
        MessageScope.Begin(log, message)?.Dispose();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            MessageScope.Begin(log, message)?.Dispose();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Where_somebody_logs_it_costs_three_small_objects_and_does_not_look_at_the_message()
    {
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(new Listens()));
        var (message, log) = (WithCorrelation("c"), new QuietLogger(factory.CreateLogger("x")));
        MessageScope.Begin(log, message)?.Dispose();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            MessageScope.Begin(log, message)?.Dispose();
        var bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / 1_000;

        TestContext.Current.TestOutputHelper?.WriteLine($"{bytes} bytes");
        Assert.InRange(bytes, 1, 300);
    }

    [Fact]
    public async Task A_provider_that_throws_in_a_scope_costs_no_message()
    {
        var sink = new FakeSink();
        using var pipeline = new PipelineUnderTest(sink, log: new ThrowsInScopes());

        pipeline.Read("a", "b", "c");
        await pipeline.SettledAsync();

        Assert.Equal([0, 1, 2], sink.Delivered.Order());
        Assert.Equal([0, 1, 2], sink.Calls.Order());
    }

    private static void Say(FakeLogger log, string text) => log.Log(LogLevel.Information, 7, text, null, (said, _) => said);

    private static Delivery WithCorrelation(string correlationId)
    {
        var progress = new PartitionProgress("data-topic", 3, 1);
        var raw = RawRecord.Create(
            Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(Secret), [new MessageHeader(CloudEvents.CorrelationId, Encoding.UTF8.GetBytes(correlationId))], 3, 17, 0);
        return new Delivery(raw, progress, 0);
    }

    private static IEnumerable<IReadOnlyList<KeyValuePair<string, object?>>> Scopes(FakeLogRecord line) => line.Scopes.OfType<MessageScope>();

    private static string? Value(FakeLogRecord line, string name) => Scopes(line).SelectMany(scope => scope).First(pair => pair.Key == name).Value?.ToString();

    private static string Text(IEnumerable<KeyValuePair<string, object?>> scope) =>
        string.Join(", ", scope.Select(pair => FormattableString.Invariant($"{pair.Key}={pair.Value}")));

    private sealed class Listens : ILoggerProvider, ILogger, ISupportExternalScope
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
        }

        public void SetScopeProvider(IExternalScopeProvider scopeProvider)
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class ThrowsInScopes : ILogger
    {
        private int _scopes;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => Interlocked.Increment(ref _scopes) % 2 == 0 ? throw new InvalidOperationException("No scope.") : new Throws();

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
        }

        private sealed class Throws : IDisposable
        {
            public void Dispose() => throw new InvalidOperationException("No end.");
        }
    }
}
