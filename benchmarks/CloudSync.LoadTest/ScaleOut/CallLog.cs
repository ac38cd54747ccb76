namespace CloudSync.LoadTest.ScaleOut;

/// <summary>All requests of the run in the order in which they arrived. May be told by any thread.</summary>
internal sealed class CallLog
{
    private readonly Lock _lock = new();
    private readonly List<Call> _calls = [];
    private readonly HashSet<long> _seen = [];

    /// <summary>Different messages that have arrived.</summary>
    public long Arrived
    {
        get
        {
            lock (_lock)
                return _seen.Count;
        }
    }

    /// <summary>A request has arrived, before anything of it is answered: the next messages of its keys come after that, so they stand in order.</summary>
    /// <returns>Its place in the log.</returns>
    public int Begin(int member, bool hasItsKey, int foreign, long[] numbers)
    {
        lock (_lock)
        {
            _calls.Add(new Call(member, MachineClock.Now, null, hasItsKey, foreign, numbers));
            _seen.UnionWith(numbers);
            return _calls.Count - 1;
        }
    }

    public void Answer(int place)
    {
        lock (_lock)
            _calls[place] = _calls[place] with { Answered = MachineClock.Now };
    }

    public void Write(Stream stream)
    {
        using var writer = new BinaryWriter(stream);
        lock (_lock)
        {
            writer.Write(_calls.Count);
            foreach (var call in _calls)
            {
                writer.Write(call.Member);
                writer.Write(call.Arrived.Ticks);
                writer.Write(call.Answered?.Ticks ?? 0);
                writer.Write(call.HasItsKey);
                writer.Write(call.Foreign);
                writer.Write(call.Numbers.Length);
                foreach (var number in call.Numbers)
                    writer.Write(number);
            }
        }
    }

    /// <summary>Reads what <see cref="Write"/> has written.</summary>
    public static IReadOnlyList<Call> Read(Stream stream)
    {
        using var reader = new BinaryReader(stream);
        var calls = new Call[reader.ReadInt32()];
        for (var i = 0; i < calls.Length; i++)
            calls[i] = ReadCall(reader);
        return calls;
    }

    private static Call ReadCall(BinaryReader reader)
    {
        var (member, arrived, answered) = (reader.ReadInt32(), new TimeSpan(reader.ReadInt64()), reader.ReadInt64());
        var (hasItsKey, foreign, numbers) = (reader.ReadBoolean(), reader.ReadInt32(), new long[reader.ReadInt32()]);
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = reader.ReadInt64();
        return new Call(member, arrived, answered == 0 ? null : new TimeSpan(answered), hasItsKey, foreign, numbers);
    }
}
