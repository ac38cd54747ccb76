using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Demo.Copies;

/// <summary>One message of a request.</summary>
/// <param name="Id">Its id.</param>
/// <param name="IdempotencyKey">What the endpoint recognises a repeat by; <see langword="null"/> when it came without.</param>
/// <param name="Key">The key of its record, whose order is kept.</param>
/// <param name="Body">Its payload.</param>
internal readonly record struct Arrival(string Id, string? IdempotencyKey, string? Key, byte[] Body);

/// <summary>
/// What one cloud's endpoint saw, by whom it was sent, and which of it died with a killed process. Every request counts, whatever became of it; a message is
/// carried out once for each Idempotency-Key.
/// </summary>
/// <remarks>
/// <para>
/// One duplicate can't be avoided: of a request whose sender was killed before it had written down that it was answered. The ledger excuses that one and no other, and
/// takes nobody's word for it. A message of a key is first sent when the one before it is settled, its id written down in the store. So of what a process had sent
/// when it was killed, the last message of each key alone may have been under way; another life may send it again, once. A repeat of anything else is an offence.
/// </para>
/// <para>
/// That the kill meets calls under way is no accident either: from the middle of the run on, the endpoint keeps the victim's answers back, and says when it has enough of
/// them. Of the messages in those requests it has carried out every second one, so a store that took them for delivered would show as a loss.
/// </para>
/// </remarks>
internal sealed class EndpointLedger(string name, DemoMessages messages)
{
    /// <summary>The life that is killed: the first process.</summary>
    public const int Victim = 0;

    /// <summary>The process beside it, which takes over what it leaves.</summary>
    public const int Other = 1;

    /// <summary>The victim's process when it has been started again.</summary>
    public const int SecondLife = 2;

    /// <summary>Two processes, and one of them twice.</summary>
    public const int Lives = 3;

    /// <summary>The victim is killed when so many of its messages are kept back, and no other answer to it is due: few of those it got are then not yet written down.</summary>
    public const int EnoughUnderWay = 12;

    private readonly Lock _lock = new();
    private readonly Seen[] _seen = new Seen[messages.Count];
    private readonly HashSet<ulong> _idempotencyKeys = [];
    private readonly Life[] _lives = [.. Enumerable.Range(0, Lives).Select(_ => new Life())];
    private readonly HashSet<int> _lost = [];
    private readonly TaskCompletionSource _underWay = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _carriedOut;
    private int _keptBack;
    private int _answersDue;

    public string Name { get; } = name;

    /// <summary>Completes when enough of the victim's messages are under way, unanswered.</summary>
    public Task EnoughAreUnderWay => _underWay.Task;

    /// <summary>Messages of this run that were carried out.</summary>
    public int CarriedOut => Volatile.Read(ref _carriedOut);

    /// <summary>Messages in requests, those that came again among them.</summary>
    public long Received { get; private set; }

    /// <summary>Messages whose request died unanswered with the victim.</summary>
    public int DiedWithProcess { get; private set; }

    /// <summary>Of these, messages that came again.</summary>
    public int CameAgain => DiedWithProcess - _lost.Count;

    /// <summary>Messages that came again though they had been answered: the victim was killed before it could write that down.</summary>
    public int CameAgainAnswered { get; private set; }

    public Offences Invented { get; } = new();

    public Offences Altered { get; } = new();

    public Offences CarriedOutTwice { get; } = new();

    public Offences CameAgainForNothing { get; } = new();

    public Offences CameWithAnotherIdempotencyKey { get; } = new();

    /// <summary>Requests of a life, strangers' messages among them.</summary>
    public long RequestsOf(int life)
    {
        lock (_lock)
            return _lives[life].Requests;
    }

    public bool WasKilled
    {
        get
        {
            lock (_lock)
                return _lives[Victim].IsDead;
        }
    }

    /// <summary>The messages that died with the victim and have not come again.</summary>
    public IReadOnlyList<string> NotCameAgain()
    {
        lock (_lock)
            return [.. _lost.Order().Select(messages.Id)];
    }

    public bool IsCarriedOut(int n)
    {
        lock (_lock)
            return _seen[n].CarriedOut;
    }

    /// <summary>A request has come. Returns whether it is to be answered; else its answer is kept back until its sender is dead.</summary>
    public bool Arrive(int life, IReadOnlyList<Arrival> arrivals)
    {
        lock (_lock)
        {
            var sender = _lives[life];
            sender.Requests++;
            var keepBack = life == Victim && (sender.IsDead || CarriedOut >= messages.Count / 2);
            if (life == Victim && !keepBack)
                _answersDue++;
            foreach (var arrival in arrivals)
            {
                var n = messages.Number(arrival.Id);
                if (n >= 0)
                    Take(n, life, arrival, carryOut: !keepBack || n % 2 == 0);
                else if (n == -2)
                    Invented.Add(arrival.Id);

                // What the victim sent in its last moment may be read after its death.
                if (n >= 0 && sender.IsDead)
                    Lose(n);
                if (n >= 0 && keepBack)
                    _keptBack++;
            }

            SayWhenEnough();
            return !keepBack;
        }
    }

    /// <summary>The answer goes out. A dead sender gets none.</summary>
    public void Answer(int life, IReadOnlyList<Arrival> arrivals)
    {
        lock (_lock)
        {
            if (_lives[life].IsDead)
                return;

            foreach (var arrival in arrivals)
            {
                if (messages.Number(arrival.Id) is >= 0 and var n)
                    _seen[n].Answered = true;
            }

            if (life == Victim)
                _answersDue--;
            SayWhenEnough();
        }
    }

    /// <summary>The victim is dead. Returns how many of its messages were under way.</summary>
    public int Kill()
    {
        lock (_lock)
        {
            _lives[Victim].IsDead = true;
            for (var n = 0; n < _seen.Length; n++)
            {
                if (_seen[n] is { Life: Victim, Answered: false })
                    Lose(n);
            }

            return DiedWithProcess;
        }
    }

    private static ulong Hash(string text) => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(text.AsSpan()));

    private void SayWhenEnough()
    {
        if (_keptBack >= EnoughUnderWay && _answersDue == 0)
            _underWay.TrySetResult();
    }

    // A message that was sent before, by another, need not come again: that one may have written down its answer.
    private void Lose(int n)
    {
        if (_seen[n].Times == 1 && _lost.Add(n))
            DiedWithProcess++;
    }

    private void Take(int n, int life, in Arrival arrival, bool carryOut)
    {
        Received++;
        ref var seen = ref _seen[n];
        var idempotencyKey = arrival.IdempotencyKey is { } text ? Hash(text) : 0;
        if (seen.Times > 0)
            Judge(n, seen, arrival.Id, idempotencyKey);
        if (!arrival.Body.AsSpan().SequenceEqual(messages.Payload(n)))
            Altered.Add(arrival.Id);

        seen.Times = (byte)Math.Min(seen.Times + 1, byte.MaxValue);
        seen.Life = (byte)life;
        seen.Answered = false;
        seen.IdempotencyKey = idempotencyKey;
        _lives[life].LastOfKey[arrival.Key ?? ""] = n;
        if (carryOut)
            CarryOut(ref seen, arrival);
    }

    private void Judge(int n, in Seen before, string id, ulong idempotencyKey)
    {
        var sender = _lives[before.Life];
        if (idempotencyKey == 0 || idempotencyKey != before.IdempotencyKey)
            CameWithAnotherIdempotencyKey.Add(id);

        if (!sender.IsDead || before.Times > 1 || !sender.LastOfKey.ContainsValue(n))
            CameAgainForNothing.Add(id);
        else if (!_lost.Remove(n))
            CameAgainAnswered++;
    }

    private void CarryOut(ref Seen seen, in Arrival arrival)
    {
        // As a real endpoint does: a key that is known is answered as the first time, and nothing is done.
        if (arrival.IdempotencyKey is { } key && !_idempotencyKeys.Add(Hash(key)))
            return;

        if (seen.CarriedOut)
        {
            CarriedOutTwice.Add(arrival.Id);
            return;
        }

        seen.CarriedOut = true;
        _carriedOut++;
    }

    private struct Seen
    {
        public ulong IdempotencyKey;
        public byte Times;
        public byte Life;
        public bool Answered;
        public bool CarriedOut;
    }

    private sealed class Life
    {
        public long Requests { get; set; }

        public bool IsDead { get; set; }

        public Dictionary<string, int> LastOfKey { get; } = [];
    }
}
