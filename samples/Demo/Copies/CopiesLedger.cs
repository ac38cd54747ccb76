namespace Demo.Copies;

/// <summary>What was posted, and what each cloud's endpoint saw of it. It knows nothing of the SDK: it is told by who posts, by the endpoints, and by who kills.</summary>
internal sealed class CopiesLedger
{
    private readonly int[] _copies;
    private int _posted;
    private int _accepted;

    public CopiesLedger(DemoMessages messages, params IReadOnlyList<string> clouds)
    {
        Messages = messages;
        _copies = new int[messages.Count];
        Clouds = [.. clouds.Select(name => new EndpointLedger(name, messages))];
    }

    public DemoMessages Messages { get; }

    public IReadOnlyList<EndpointLedger> Clouds { get; }

    /// <summary>Messages of which somebody has begun to post a copy.</summary>
    public int Posted => Volatile.Read(ref _posted);

    /// <summary>Copies that the API has answered with 202.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Messages that were posted and that a cloud has not carried out yet, of the cloud that is furthest behind.</summary>
    public int Outstanding => Posted - Clouds.Min(cloud => cloud.CarriedOut);

    public EndpointLedger this[string cloud] => Clouds.First(c => c.Name == cloud);

    public void Post(int messages) => Interlocked.Add(ref _posted, messages);

    public void Accept(int n)
    {
        Interlocked.Increment(ref _copies[n]);
        Interlocked.Increment(ref _accepted);
    }

    /// <summary>How many copies of a message the API has taken.</summary>
    public int CopiesOf(int n) => Volatile.Read(ref _copies[n]);
}
