namespace CloudSync.Sdk;

/// <summary>The partitions that this consumer owns, each with its progress since it was assigned. Only the poll thread uses it.</summary>
internal sealed class Assignment(string topic)
{
    private readonly Dictionary<int, PartitionProgress> _partitions = [];
    private int _epoch;

    /// <summary>Rises with every assignment, so that a partition that comes back is told from what it was before.</summary>
    public int Epoch => _epoch;

    public int Count => _partitions.Count;

    public IEnumerable<PartitionProgress> Partitions => _partitions.Values;

    public PartitionProgress? Find(int partition) => _partitions.GetValueOrDefault(partition);

    /// <summary>Partitions are ours from now on.</summary>
    public void Add(IEnumerable<int> partitions)
    {
        _epoch++;
        foreach (var partition in partitions)
            _partitions[partition] = new PartitionProgress(topic, partition, _epoch);
    }

    /// <summary>A partition's numbers mean other messages from now on: its log was truncated or made anew.</summary>
    public PartitionProgress Restart(int partition)
    {
        _partitions[partition].Close();
        return _partitions[partition] = new PartitionProgress(topic, partition, ++_epoch);
    }

    /// <summary>Partitions are not ours any longer. What completes late changes nothing.</summary>
    public void Remove(IEnumerable<PartitionProgress> partitions)
    {
        foreach (var progress in partitions)
        {
            progress.Close();
            _partitions.Remove(progress.Partition);
        }
    }
}
