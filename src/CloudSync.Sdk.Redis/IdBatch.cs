using System.Buffers;
using System.Buffers.Binary;

namespace CloudSync.Sdk;

/// <summary>
/// The ids of one script, as one text of 16 bytes each; which claims they are; and where each stands in the caller's batch. Claims that were made together have tokens that follow one
/// another, and are told as runs: the number of their batch (16 digits), the place of the first in it, and how many (4 digits each).
/// </summary>
internal sealed class IdBatch
{
    private const int IdLength = 16;

    /// <summary>
    /// Sixteen hyphens: what the scripts write where an id was (<see cref="StoreScripts"/>). A message id can be made whose hash is that, and a claim of it would find the places of others: at the end their batch would be
    /// deleted as if they had been delivered. It stands for another one, as any two ids may.
    /// </summary>
    private const ulong Hole = 0x2D2D2D2D2D2D2D2D;

    private readonly byte[] _ids;
    private readonly byte[] _runs;
    private readonly int[] _places;
    private readonly int _capacity;
    private int _runCount;
    private int _ofRun;
    private long _nextToken;

    private IdBatch(RedisShard shard, int capacity, bool hasTokens)
    {
        Shard = shard;
        _capacity = capacity;
        _ids = ArrayPool<byte>.Shared.Rent(capacity * IdLength);
        _runs = hasTokens ? ArrayPool<byte>.Shared.Rent(capacity * StoreScripts.RunLength) : [];
        _places = ArrayPool<int>.Shared.Rent(capacity);
    }

    public RedisShard Shard { get; }

    public int Count { get; private set; }

    public ReadOnlyMemory<byte> Ids => _ids.AsMemory(0, Count * IdLength);

    /// <summary>Whether claims were split, and not ids alone.</summary>
    public bool HasTokens => _runs.Length > 0;

    public ReadOnlyMemory<byte> Runs => _runs.AsMemory(0, _runCount * StoreScripts.RunLength);

    /// <summary>Where in the caller's batch the ids stand.</summary>
    public ReadOnlySpan<int> Places => _places.AsSpan(0, Count);

    /// <summary>Splits a batch by shard, and by what one script may be given.</summary>
    public static List<IdBatch> Split(RedisShard[] shards, ReadOnlySpan<IdempotencyKey> keys)
    {
        var batches = new List<IdBatch>(shards.Length);
        for (var i = 0; i < keys.Length; i++)
            For(keys[i], shards, batches, keys.Length - i, hasTokens: false).Add(keys[i], i);
        return batches;
    }

    /// <inheritdoc cref="Split(RedisShard[], ReadOnlySpan{IdempotencyKey})"/>
    /// <remarks>By their tokens: messages end in any order, and what was claimed together is few runs again.</remarks>
    public static List<IdBatch> Split(RedisShard[] shards, ReadOnlySpan<IdempotencyClaim> claims)
    {
        var batches = new List<IdBatch>(shards.Length);
        var order = ArrayPool<(long Token, int Place)>.Shared.Rent(claims.Length);
        var isSorted = true;
        for (var i = 0; i < claims.Length; i++)
        {
            order[i] = (claims[i].Token, i);
            isSorted &= i == 0 || claims[i - 1].Token <= claims[i].Token;
        }

        if (!isSorted)
            order.AsSpan(0, claims.Length).Sort();

        for (var i = 0; i < claims.Length; i++)
        {
            var (token, place) = order[i];
            var batch = For(claims[place].Key, shards, batches, claims.Length - i, hasTokens: true);
            batch.AddToken(token);
            batch.Add(claims[place].Key, place);
        }

        ArrayPool<(long Token, int Place)>.Shared.Return(order);
        return batches;
    }

    /// <summary>One of the ids.</summary>
    public IdempotencyKey Key(int index)
    {
        var id = Ids.Span.Slice(index * IdLength, IdLength);
        return new IdempotencyKey(BinaryPrimitives.ReadUInt64BigEndian(id), BinaryPrimitives.ReadUInt64BigEndian(id[8..]));
    }

    /// <summary>
    /// Gives the buffers back to the pool. Only when Redis has answered: a script that was given up may still wait to be sent, and would send another's ids.
    /// </summary>
    public void Return()
    {
        ArrayPool<byte>.Shared.Return(_ids);
        ArrayPool<int>.Shared.Return(_places);
        if (HasTokens)
            ArrayPool<byte>.Shared.Return(_runs);
    }

    private static IdBatch For(IdempotencyKey key, RedisShard[] shards, List<IdBatch> batches, int left, bool hasTokens)
    {
        var shard = shards[key.High % (ulong)shards.Length];
        for (var i = batches.Count - 1; i >= 0; i--)
        {
            if (batches[i].Shard != shard)
                continue;
            if (batches[i].Count < batches[i]._capacity)
                return batches[i];
            break;
        }

        var batch = new IdBatch(shard, Math.Min(left, StoreScripts.MaxIds), hasTokens);
        batches.Add(batch);
        return batch;
    }

    private void AddToken(long token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        var place = (int)(token & ((1 << StoreScripts.PlaceBits) - 1));
        if (_runCount == 0 || token != _nextToken || place == 0)
        {
            var run = _runs.AsSpan(_runCount++ * StoreScripts.RunLength, StoreScripts.RunLength);
            _ofRun = 0;
            Write(token >> StoreScripts.PlaceBits, run[..StoreScripts.NumberLength]);
            Write(place, run.Slice(StoreScripts.NumberLength, StoreScripts.CountLength));
        }

        Write(++_ofRun, _runs.AsSpan((_runCount * StoreScripts.RunLength) - StoreScripts.CountLength, StoreScripts.CountLength));
        _nextToken = token + 1;
    }

    private static void Write(long number, Span<byte> digits)
    {
        for (var i = digits.Length - 1; i >= 0; i--)
        {
            digits[i] = (byte)('0' + (number % 10));
            number /= 10;
        }
    }

    private void Add(IdempotencyKey key, int place)
    {
        var id = _ids.AsSpan(Count * IdLength);
        BinaryPrimitives.WriteUInt64BigEndian(id, key.High);
        BinaryPrimitives.WriteUInt64BigEndian(id[8..], key is { High: Hole, Low: Hole } ? ~Hole : key.Low);
        _places[Count++] = place;
    }
}
