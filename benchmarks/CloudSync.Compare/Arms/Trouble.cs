using System.Collections.Concurrent;
using CloudSync.Measuring;
using Microsoft.Extensions.Logging;

namespace CloudSync.Compare.Arms;

/// <summary>What a sink has trouble with.</summary>
internal enum TroubleKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The messages of one key take long.</summary>
    SlowKey,

    /// <summary>The messages of one key fail each time.</summary>
    FailingKey,

    /// <summary>One message in 100 fails the first time.</summary>
    RetriedOnce,
}

/// <summary>What trouble with some messages costs all the others: ours with it beside ours without.</summary>
internal static class Trouble
{
    public const string Name = "trouble";

    /// <summary>
    /// How long a message of the slow key takes. There is one in 100,000 messages, the first of them: even at a million a second the key is slow for half of the time only, and not what the end waits for.
    /// </summary>
    public static readonly TimeSpan SlowFor = TimeSpan.FromMilliseconds(50);

    private static readonly byte[] FirstKey = Load.Key(0);

    public static async Task<IReadOnlyList<Ratio>> CompareAsync(Settings settings, Topics topics, CancellationToken cancellationToken)
    {
        var topic = await topics.MainAsync(cancellationToken);
        var warmUp = await topics.WarmUpAsync(cancellationToken);
        Contender ours = Ours(Consume.Ours, topic), slow = Ours("a slow key", topic, TroubleKind.SlowKey), retried = Ours("1 % retried once", topic, TroubleKind.RetriedOnce);
        Contender single = Ours("ours, one call a message", topic, oneByOne: true), slowSingle = Ours("a slow key, one call a message", topic, TroubleKind.SlowKey, oneByOne: true);
        Contender failing = Ours("a failing key", topic.WithoutFirstKey, TroubleKind.FailingKey);
        Contender[] contenders = [retried, slowSingle, single, slow, ours, failing];
        Pairing[] pairings = [new(slow, ours), new(slowSingle, single), new(failing, ours), new(retried, ours)];

        // In a run of more than 30 s the failing key uses up its retries, and reading would wait for a topic of dead letters that is not there.
        await topics.Kafka.CreateTopicAsync(Consume.DeadLettersOf(topic.Name), Load.Partitions, new() { ["message.timestamp.type"] = "LogAppendTime" });
        IReadOnlyList<Ratio> few;
        try
        {
            few = await Contest.RunAsync(Name, settings.Rounds, contenders, pairings, Program.Say, cancellationToken);
        }
        finally
        {
            await topics.Kafka.DeleteTopicAsync(Consume.DeadLettersOf(topic.Name));
        }

        var shape = new Shape(5 * settings.Messages);
        var fewKeys = await topics.FilledAsync(shape, cancellationToken);
        var manyKeys = await topics.FilledAsync(shape with { Keys = shape.Messages }, cancellationToken);
        Contender distinct = Ours($"{shape.Messages:N0} distinct keys", manyKeys), same = Ours($"ours, {shape.Messages:N0} messages", fewKeys);
        var many = await Contest.RunAsync(Name, settings.Rounds, [distinct, same], [new(distinct, same)], Program.Say, cancellationToken);
        await topics.DropAsync(fewKeys);
        await topics.DropAsync(manyKeys);
        return [.. few, .. many];

        Contender Ours(string name, FilledTopic read, TroubleKind kind = TroubleKind.None, bool oneByOne = false) =>
            Consume.Reader(name, new Job(Consume.Name, Consume.Ours) { Trouble = kind, OneByOne = oneByOne }, topics.Kafka.BootstrapServers, read, kind == TroubleKind.FailingKey ? warmUp.WithoutFirstKey : warmUp);
    }

    public static bool IsOfFirstKey(SyncMessage message) => message.KeySpan.SequenceEqual(FirstKey);
}

/// <summary>Takes and counts messages in batches, some of them with trouble. A batch is answered when its slowest message is done.</summary>
internal sealed class TroubledBatchSink(TroubleKind kind, Tally tally) : IBatchCloudSink
{
    private readonly IReadOnlyList<SinkResult> _delivered = SinkResult.AllDelivered(new CloudSyncConsumerOptions().MaxBatchSize);
    private readonly Failures _failures = new(kind);

    public async ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        tally.Begin();
        var (count, sum, isSlow) = (0, 0L, false);
        SinkResult[]? results = null;
        for (var i = 0; i < messages.Count; i++)
        {
            var message = messages[i];
            isSlow |= kind == TroubleKind.SlowKey && Trouble.IsOfFirstKey(message);
            if (_failures.Of(message) is { } failure)
            {
                results ??= [.. _delivered.Take(messages.Count)];
                results[i] = SinkResult.Failed(failure);
                continue;
            }

            count++;
            sum += message.Offset;
        }

        if (isSlow)
            await Task.Delay(Trouble.SlowFor, cancellationToken);

        tally.Add(count, sum);
        return results ?? _delivered;
    }
}

/// <summary>Takes and counts messages one by one, some of them with trouble, or none.</summary>
internal sealed class TroubledSink(TroubleKind kind, Tally tally) : ICloudSink
{
    private readonly Failures _failures = new(kind);

    public ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
    {
        tally.Begin();
        if (_failures.Of(message) is { } failure)
            throw failure;

        if (kind == TroubleKind.SlowKey && Trouble.IsOfFirstKey(message))
            return TakeSlowlyAsync(message, cancellationToken);

        tally.Add(1, message.Offset);
        return ValueTask.CompletedTask;
    }

    private async ValueTask TakeSlowlyAsync(SyncMessage message, CancellationToken cancellationToken)
    {
        await Task.Delay(Trouble.SlowFor, cancellationToken);
        tally.Add(1, message.Offset);
    }
}

/// <summary>Which messages fail, and when.</summary>
internal sealed class Failures(TroubleKind kind)
{
    private readonly ConcurrentDictionary<(int Partition, long Offset), bool> _failed = [];

    public SinkException? Of(SyncMessage message)
    {
        var fails = kind switch
        {
            TroubleKind.FailingKey => Trouble.IsOfFirstKey(message),
            TroubleKind.RetriedOnce => message.Offset % 100 == 0 && _failed.TryAdd((message.Partition, message.Offset), true),
            _ => false,
        };
        return fails ? new SinkException(ErrorType.Transient, "Try again.") : null;
    }
}

/// <summary>A log that makes a line of each retry, as a console's would, and writes it nowhere; whatever else is said goes to the standard error.</summary>
internal sealed class LogOfRetries : ILoggerProvider, ILogger
{
    private const int WillRetry = 1101;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var line = formatter(state, exception);
        if (eventId.Id != WillRetry)
            Console.Error.WriteLine(line);
    }

    public void Dispose()
    {
    }
}
