using System.Globalization;
using System.IO.Hashing;
using System.Threading.Channels;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Sends letters back to where they came from, and marks in the dead-letter topic those that the brokers have acknowledged. Of one key, one is under way at a time: when
/// it can't be sent, nothing behind it has been. One caller at a time.
/// </summary>
internal sealed class RedriveSender
{
    private const int MostUnderWay = 1_000;
    private const long MostBytesUnderWay = 32 * 1024 * 1024;
    private const int MarkAt = 500;

    private static readonly TimeSpan MarkInterval = TimeSpan.FromSeconds(1);

    private readonly DeadLetterRedriveOptions _options;
    private readonly TimeProvider _time;
    private readonly Func<TopicPartition, Message<byte[]?, byte[]?>, Task> _produce;

    /// <summary>What the brokers have answered, in the order of their answers: one that takes long keeps no other from being marked.</summary>
    private readonly Channel<UnderWay> _answered = Channel.CreateUnbounded<UnderWay>(new UnboundedChannelOptions { SingleReader = true });
    private readonly HashSet<ulong> _keys = [];
    private readonly List<(DeadLetterPosition Position, string Group)> _unmarked = [];
    private int _underWay;
    private long _bytesUnderWay;
    private long _markedAt;

    /// <param name="options">Where the dead letters are.</param>
    /// <param name="time">The clock.</param>
    /// <param name="produce">Sends a record and returns when all in-sync replicas have it.</param>
    public RedriveSender(DeadLetterRedriveOptions options, TimeProvider time, Func<TopicPartition, Message<byte[]?, byte[]?>, Task> produce)
    {
        _options = options;
        _time = time;
        _produce = produce;

        // The first letter is marked at once: who may not write into the dead-letter topic learns it after one letter, and not after a thousand.
        _markedAt = time.GetTimestamp() - (long)(MarkInterval.TotalSeconds * time.TimestampFrequency);
    }

    /// <summary>How many letters the brokers have acknowledged.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>How many of them are not marked yet.</summary>
    public int Unmarked => _unmarked.Count;

    /// <summary>Sends a letter, once there is room for it and no other of its key is under way.</summary>
    /// <exception cref="DeadLetterRedriveException">One that was sent before could not be, or not be marked.</exception>
    public async Task SendAsync(DeadLetterRecord letter, int partitions)
    {
        var lane = letter.Key is { } key ? XxHash3.HashToUInt64(key.Span) : 0;
        while (_underWay >= MostUnderWay || _bytesUnderWay >= MostBytesUnderWay || (letter.Key is not null && _keys.Contains(lane)))
        {
            await WaitForAnswerAsync();
            await SettleAsync();
        }

        var bytes = (letter.Key?.Length ?? 0) + (letter.Value?.Length ?? 0);
        _underWay++;
        _bytesUnderWay += bytes;
        if (letter.Key is not null)
            _keys.Add(lane);

        _ = AnswerAsync(new UnderWay(letter, letter.Key is null ? null : lane, bytes, ProduceAsync(letter, partitions)));
    }

    /// <summary>Takes note of what was acknowledged meanwhile, and marks it when it is time to.</summary>
    /// <exception cref="DeadLetterRedriveException">A letter, or a mark, could not be sent.</exception>
    public async Task SettleAsync()
    {
        while (_answered.Reader.TryRead(out var answered))
            await SettleAsync(answered);

        if (_unmarked.Count >= MarkAt || (_unmarked.Count > 0 && _time.GetElapsedTime(_markedAt) >= MarkInterval))
            await MarkAsync();
    }

    /// <summary>Waits for what is under way and marks all that was acknowledged, whatever failed.</summary>
    /// <exception cref="DeadLetterRedriveException">A letter, or the marks, could not be sent.</exception>
    public async Task FinishAsync()
    {
        DeadLetterRedriveException? failure = null;
        while (_underWay > 0)
        {
            try
            {
                await WaitForAnswerAsync();
                await SettleAsync();
            }
            catch (DeadLetterRedriveException e)
            {
                // Marks that could not be written are tried once more when everything has been answered.
                failure ??= e.Position is null ? null : e;
            }
        }

        await MarkAsync();
        if (failure is not null)
            throw failure;
    }

    /// <summary>A topic that takes no time as old as the original's (<c>message.timestamp.before.max.ms</c>), or as far ahead, gets it with the time of sending.</summary>
    private async Task ProduceAsync(DeadLetterRecord letter, int partitions)
    {
        var destination = RedrivenRecord.Destination(letter, partitions);
        try
        {
            await _produce(destination, RedrivenRecord.Build(letter));
        }
        catch (KafkaException e) when (e.Error.Code == ErrorCode.InvalidTimestamp)
        {
            await _produce(destination, RedrivenRecord.Build(letter, isStampedAnew: true));
        }
    }

    private async Task AnswerAsync(UnderWay underWay)
    {
        await underWay.Sent.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _answered.Writer.TryWrite(underWay);
    }

    /// <summary>Returns when the brokers have answered, or when what they have answered so far is to be marked.</summary>
    private async Task WaitForAnswerAsync()
    {
        Task answer = _answered.Reader.WaitToReadAsync().AsTask();
        if (_unmarked.Count == 0)
        {
            await answer;
            return;
        }

        var left = MarkInterval - _time.GetElapsedTime(_markedAt);
        await answer.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task SettleAsync(UnderWay answered)
    {
        var (letter, lane, bytes, sent) = answered;
        _underWay--;
        _bytesUnderWay -= bytes;
        if (lane is { } key)
            _keys.Remove(key);

        try
        {
            await sent;
        }
        catch (Exception e)
        {
            throw new DeadLetterRedriveException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The letter at {letter.Position} of {_options.Topic} could not be sent back to {letter.Topic} [{letter.Partition}]: {e.Message.TrimEnd('.')}. ")
                + $"Nothing behind it with its key was sent; what was acknowledged is marked, and is not sent again. {Advice(letter, e)}",
                e)
            {
                Position = letter.Position,
            };
        }

        _unmarked.Add((letter.Position, letter.Group!));
        Acknowledged++;
    }

    private static string Advice(DeadLetterRecord letter, Exception e) => e is KafkaException kafka && LetterSending.IsTooLarge(kafka.Error.Code)
        ? $"With the headers of a redrive, which add some hundred bytes, it is larger than {letter.Topic} takes: raise max.message.bytes of {letter.Topic} and start again, "
            + $"or leave this letter out (--except {letter.Position})."
        : $"Remove the cause and start again, or leave this letter out (--except {letter.Position}).";

    private async Task MarkAsync()
    {
        if (_unmarked.Count == 0)
            return;

        _markedAt = _time.GetTimestamp();
        try
        {
            await Task.WhenAll(_unmarked
                .GroupBy(letter => (letter.Position.Partition, letter.Group))
                .Select(marked => _produce(
                    new TopicPartition(_options.Topic, marked.Key.Partition),
                    RedriveMarker.Build(marked.Key.Group, marked.Select(letter => letter.Position.Offset), _time.GetUtcNow()))));
        }
        catch (KafkaException e)
        {
            throw new DeadLetterRedriveException(
                $"{Letters(_unmarked.Count)} sent back could not be marked in {_options.Topic}: {e.Error.Reason}. The next run sends again what is not marked, with the same ids: "
                + "consumers recognise them while their idempotency store does. Marking needs the right to write into the dead-letter topic.",
                e);
        }

        _unmarked.Clear();
    }

    private static string Letters(int letters) => letters == 1 ? "1 letter" : string.Create(CultureInfo.InvariantCulture, $"{letters:N0} letters");

    private sealed record UnderWay(DeadLetterRecord Letter, ulong? Lane, int Bytes, Task Sent);
}
