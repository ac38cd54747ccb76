namespace CloudSync.Sdk;

/// <summary>
/// How many records one call may bring, when nobody knows beforehand how large they are: as many as there would be room for if all were as large as the largest that came lately, and one as long
/// as nothing is known. Records that suddenly become larger go past the room once, by what the client had fetched ahead at most.
/// </summary>
internal struct CallSize
{
    /// <summary>Further ones save nothing any more.</summary>
    public const int Most = 128;

    private long _largest;

    /// <summary>How many may be asked for.</summary>
    public readonly int For(long roomBytes) => _largest == 0 ? 1 : (int)Math.Clamp(roomBytes / _largest, 1, Most);

    /// <summary>A call has brought records, of this size at most. A large one is forgotten by a quarter with each call.</summary>
    public void Seen(long largest) => _largest = Math.Max(Math.Max(1, largest), _largest - (_largest / 4));
}
