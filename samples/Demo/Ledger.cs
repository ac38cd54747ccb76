using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;

namespace Demo;

/// <summary>
/// What was posted, and what each cloud's endpoint and the dead-letter topic saw of it. It knows nothing of the SDK: it is told by who posts, by the
/// endpoints and by a plain Kafka client. A message takes a byte here and a byte and a hash for each cloud, so a million of them take some 70 MB.
/// </summary>
internal sealed class Ledger
{
    private readonly byte[] _posted;
    private int _postedCount;
    private int _acceptedCount;

    public Ledger(DemoMessages messages, params IReadOnlyList<string> clouds)
    {
        Messages = messages;
        _posted = new byte[messages.Count];
        Clouds = [.. clouds.Select(name => new CloudLedger(name, messages))];
    }

    public DemoMessages Messages { get; }

    public IReadOnlyList<CloudLedger> Clouds { get; }

    /// <summary>Messages that someone has begun to post.</summary>
    public int Posted => Volatile.Read(ref _postedCount);

    /// <summary>Messages that the API has answered with 202.</summary>
    public int Accepted => Volatile.Read(ref _acceptedCount);

    /// <summary>Messages that were posted and that a cloud has not settled yet, of the cloud that is furthest behind.</summary>
    public int Outstanding => Posted - Clouds.Min(cloud => cloud.Settled);

    public CloudLedger this[string cloud] => Clouds.First(c => c.Name == cloud);

    // Each number is posted by one lane alone, so its byte needs no lock.
    public void Post(int n)
    {
        if (_posted[n] != 0)
            return;

        _posted[n] = 1;
        Interlocked.Increment(ref _postedCount);
    }

    public void Accept(int n)
    {
        if (_posted[n] == 2)
            return;

        _posted[n] = 2;
        Interlocked.Increment(ref _acceptedCount);
    }

    public bool IsPosted(int n) => _posted[n] != 0;

    public bool IsAccepted(int n) => _posted[n] == 2;
}

/// <summary>What an endpoint does with a message.</summary>
internal enum Receipt
{
    /// <summary>It is new, and now the endpoint's.</summary>
    Accepted,

    /// <summary>Its Idempotency-Key is known: answered as the first time, and nothing done.</summary>
    Repeated,
}

/// <summary>Something that must not happen: how often it did, and the first few ids.</summary>
internal sealed class Offences
{
    public const int Shown = 10;

    private readonly List<string> _ids = [];

    public long Count { get; private set; }

    public IReadOnlyList<string> Ids => _ids;

    public void Add(string id)
    {
        Count++;
        if (_ids.Count < Shown)
            _ids.Add(id);
    }
}

/// <summary>A record that came from somewhere else, kept to be shown.</summary>
internal sealed record ForeignMessage(DateTimeOffset At, string Id, int Bytes, string Beginning);

/// <summary>What one cloud saw.</summary>
internal sealed class CloudLedger(string name, DemoMessages messages)
{
    private const int LastShown = 20;

    private readonly Lock _lock = new();
    private readonly Seen[] _seen = new Seen[messages.Count];
    private readonly int[] _lastOfKey = NothingYet(messages.KeyCount);
    private readonly HashSet<ulong> _idempotencyKeys = [];
    private readonly byte[] _run = Encoding.UTF8.GetBytes(messages.Run);
    private readonly Queue<string> _last = new();
    private readonly Queue<ForeignMessage> _foreign = new();
    private int _settled;

    [Flags]
    private enum Seen : byte
    {
        Nothing = 0,
        Accepted = 1,
        DeadLettered = 2,
        AnswerRead = 4,
    }

    public string Name { get; } = name;

    /// <summary>Messages of this run that are accepted or dead-lettered.</summary>
    public int Settled => Volatile.Read(ref _settled);

    public long Accepted { get; private set; }

    public long DeadLettered { get; private set; }

    /// <summary>Of these, messages that the endpoint had not refused: their retries were used up.</summary>
    public long DeadLetteredWithoutPoison { get; private set; }

    /// <summary>Messages that came again because their answer was lost, with the Idempotency-Key they came with first.</summary>
    public long Repeated { get; private set; }

    public long Foreign { get; private set; }

    public Offences Invented { get; } = new();

    public Offences AcceptedTwice { get; } = new();

    public Offences RepeatedForNothing { get; } = new();

    public Offences Reordered { get; } = new();

    public Offences Altered { get; } = new();

    public Offences IncompleteDeadLetters { get; } = new();

    /// <summary>The last ids that were accepted, newest last.</summary>
    public IReadOnlyList<string> Last()
    {
        lock (_lock)
            return [.. _last];
    }

    /// <summary>The last messages that are none of this run's, newest last.</summary>
    public IReadOnlyList<ForeignMessage> LastForeign()
    {
        lock (_lock)
            return [.. _foreign];
    }

    public bool IsSettled(int n)
    {
        lock (_lock)
            return (_seen[n] & (Seen.Accepted | Seen.DeadLettered)) != 0;
    }

    /// <summary>The endpoint takes a message, or finds that it has it already.</summary>
    public Receipt Accept(string id, string? idempotencyKey, ReadOnlySpan<byte> body)
    {
        var n = messages.Number(id);
        lock (_lock)
        {
            if (idempotencyKey is not null && !_idempotencyKeys.Add(Hash(idempotencyKey)))
            {
                Repeated++;
                if (n >= 0 && _seen[n].HasFlag(Seen.AnswerRead))
                    RepeatedForNothing.Add(id);
                return Receipt.Repeated;
            }

            Remember(_last, id);
            if (n < 0)
                AcceptForeign(id, n, body);
            else
                AcceptOwn(n, id, body);
            return Receipt.Accepted;
        }
    }

    /// <summary>
    /// Whoever sent these messages has read the answer to them, because he sends the next request on the same connection. From now on there is no
    /// excuse for sending them again.
    /// </summary>
    public void AnswerRead(IEnumerable<string> ids)
    {
        lock (_lock)
        {
            foreach (var id in ids)
            {
                if (messages.Number(id) is >= 0 and var n)
                    _seen[n] |= Seen.AnswerRead;
            }
        }
    }

    /// <summary>A dead letter of this cloud's group was read.</summary>
    public void DeadLetter(string? id, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool saysWhy)
    {
        var n = id is null ? -1 : messages.Number(id);
        lock (_lock)
        {
            if (n < 0)
            {
                if (n == -2 || value.IndexOf(_run) >= 0)
                    Invented.Add(id ?? "a dead letter without ce_id");
                return;
            }

            if (!saysWhy || !key.SequenceEqual(KeyBytes(n)) || !value.SequenceEqual(messages.Payload(n)))
                IncompleteDeadLetters.Add(id!);
            DeadLettered++;
            if (!DemoMessages.IsPoison(n))
                DeadLetteredWithoutPoison++;
            Settle(n, Seen.DeadLettered);
        }
    }

    private static int[] NothingYet(int keys)
    {
        var last = new int[keys];
        Array.Fill(last, -1);
        return last;
    }

    private static ulong Hash(string text) => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(text.AsSpan()));

    private static void Remember<T>(Queue<T> queue, T item)
    {
        if (queue.Count == LastShown)
            queue.Dequeue();
        queue.Enqueue(item);
    }

    private void AcceptOwn(int n, string id, ReadOnlySpan<byte> body)
    {
        if (_seen[n].HasFlag(Seen.Accepted))
        {
            AcceptedTwice.Add(id);
            return;
        }

        Accepted++;
        if (!body.SequenceEqual(messages.Payload(n)))
            Altered.Add(id);
        if (DemoMessages.HasKey(n))
        {
            ref var last = ref _lastOfKey[messages.KeyIndex(n)];
            if (messages.Sequence(n) < last)
                Reordered.Add(id);
            else
                last = messages.Sequence(n);
        }

        Settle(n, Seen.Accepted);
    }

    // A message of ours that has lost its id is invented, too: nobody posted what is now called 'data-topic-3-17'.
    private void AcceptForeign(string id, int n, ReadOnlySpan<byte> body)
    {
        if (n == -2 || body.IndexOf(_run) >= 0)
        {
            Invented.Add(id);
            return;
        }

        Foreign++;
        Remember(_foreign, new ForeignMessage(DateTimeOffset.UtcNow, id, body.Length, Encoding.UTF8.GetString(body[..Math.Min(body.Length, 100)])));
    }

    private void Settle(int n, Seen how)
    {
        if ((_seen[n] & (Seen.Accepted | Seen.DeadLettered)) == 0)
            _settled++;
        _seen[n] |= how;
    }

    private ReadOnlySpan<byte> KeyBytes(int n) => messages.Key(n) is { } key ? Encoding.UTF8.GetBytes(key) : [];
}
