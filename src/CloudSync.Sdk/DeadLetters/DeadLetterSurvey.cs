using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// What the first pass over the dead-letter topic finds: which letters match, and which have been redriven. Markers stand behind their letters, so
/// nothing can be sent before all of the topic was read once. A bit for each offset is kept, and no letter.
/// </summary>
internal sealed class DeadLetterSurvey
{
    private const int MostNamed = 100;

    /// <summary>A sound topic of dead letters has a few sources. Of one that was flooded with names, so many are told apart.</summary>
    private const int MostSources = 20;

    private readonly Func<DeadLetterRecord, bool> _matches;
    private readonly SortedDictionary<int, Part> _partitions = [];
    private readonly HashSet<string> _sources = new(StringComparer.Ordinal);
    private readonly List<UnreadableDeadLetter> _unreadable = [];

    /// <param name="matches">Which letters are meant.</param>
    /// <param name="bounds">The partitions, each with its first offset and where it ends.</param>
    public DeadLetterSurvey(Func<DeadLetterRecord, bool> matches, IEnumerable<(int Partition, long Low, long High)> bounds)
    {
        _matches = matches;
        foreach (var (partition, low, _) in bounds)
            _partitions[partition] = new Part(low, new OffsetSet(), new OffsetSet(), new Dictionary<string, OffsetSet>(StringComparer.Ordinal));
    }

    /// <summary>Letters that match and wait.</summary>
    public long Waiting => _partitions.Values.Sum(p => p.Matching.CountWithout(p.Redriven));

    /// <summary>Letters that match, redriven or not.</summary>
    public long Matching => _partitions.Values.Sum(p => p.Matching.CountWithout(new OffsetSet()));

    /// <summary>The topics that letters which match and wait came from, by name.</summary>
    public IReadOnlyList<string> SourceTopics =>
        [.. _sources.Where(source => _partitions.Values.Any(p => p.Sources.TryGetValue(source, out var letters) && letters.CountWithout(p.Redriven) > 0)).Order(StringComparer.Ordinal)];

    public long Unreadable { get; private set; }

    public IReadOnlyList<UnreadableDeadLetter> UnreadableLetters => _unreadable;

    /// <summary>Looks at a record: a letter, a marker, or what has no business there.</summary>
    public void See(ConsumeResult<byte[]?, byte[]?> record)
    {
        var (low, matching, redriven, sources) = _partitions[record.Partition.Value];
        if (!RedriveMarker.Is(record.Message))
        {
            var letter = DeadLetterRecord.Read(record);
            if (letter.Problem is not null)
                Report(letter.Position, letter.Problem);
            if (_matches(letter))
            {
                matching.Add(record.Offset.Value);
                AddSource(sources, letter);
            }
        }
        else if (RedriveMarker.TryRead(record.Message, out var ranges))
        {
            // What it marks stands before it, and a marker that is wrong must not take memory for a billion offsets.
            foreach (var (first, last) in ranges)
                redriven.Add(Math.Max(first, low), Math.Min(last, record.Offset.Value - 1));
        }
        else
        {
            Report(new DeadLetterPosition(record.Partition.Value, record.Offset.Value), $"{DeadLetterHeaders.Redriven} is unreadable; the letters that it marks count as waiting.");
        }
    }

    /// <summary>Where the second pass has to read.</summary>
    public IEnumerable<(int Partition, long From, long To)> Spans() =>
        _partitions.Where(p => !p.Value.Matching.IsEmpty).Select(p => (p.Key, p.Value.Matching.First, p.Value.Matching.Last + 1));

    /// <summary>The letter at a place, if it is one of those that match.</summary>
    public DeadLetterRecord? Letter(ConsumeResult<byte[]?, byte[]?> record)
    {
        if (!_partitions.TryGetValue(record.Partition.Value, out var partition) || !partition.Matching.Contains(record.Offset.Value))
            return null;

        var letter = DeadLetterRecord.Read(record);
        letter.IsRedriven = partition.Redriven.Contains(record.Offset.Value);
        return letter;
    }

    private void AddSource(Dictionary<string, OffsetSet> sources, DeadLetterRecord letter)
    {
        var source = letter.Topic ?? "";
        if (_sources.Count < MostSources)
            _sources.Add(source);
        if (!_sources.Contains(source))
            return;

        if (!sources.TryGetValue(source, out var letters))
            sources[source] = letters = new OffsetSet();

        letters.Add(letter.Position.Offset);
    }

    private void Report(DeadLetterPosition position, string problem)
    {
        Unreadable++;
        if (_unreadable.Count < MostNamed)
            _unreadable.Add(new UnreadableDeadLetter(position, problem));
    }

    private sealed record Part(long Low, OffsetSet Matching, OffsetSet Redriven, Dictionary<string, OffsetSet> Sources);
}
