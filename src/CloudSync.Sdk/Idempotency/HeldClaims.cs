using System.Runtime.InteropServices;

namespace CloudSync.Sdk;

/// <summary>
/// The claims that this consumer holds. A table in which a message has the number of its slot: so a message that is done with is not kept alive by its claim, and nothing is
/// allocated once the table is as large as there are messages in flight.
/// </summary>
internal sealed class HeldClaims(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Stack<int> _free = [];
    private Slot[] _slots = [];

    public int Count
    {
        get
        {
            lock (_gate)
                return _slots.Length - _free.Count;
        }
    }

    /// <summary>These messages are held now. A token of 0 says that one was not claimed, and goes past the store; it is that of a claim that was lost, too.</summary>
    /// <param name="deliveries">The messages.</param>
    /// <param name="claims">Their claims.</param>
    /// <param name="asked">When the store was asked. The lease runs from then at the earliest, and not from an answer that may come seconds later.</param>
    public void Add(ReadOnlySpan<Delivery> deliveries, ReadOnlySpan<IdempotencyClaim> claims, long asked)
    {
        lock (_gate)
        {
            for (var i = 0; i < deliveries.Length; i++)
            {
                if (!_free.TryPop(out var slot))
                    slot = Grow();

                _slots[slot] = new Slot(claims[i], asked, IsOpen: true);
                deliveries[i].ClaimSlot = slot;
            }
        }
    }

    /// <summary>The claims of messages that may be held.</summary>
    public void Of(List<Delivery> deliveries, List<IdempotencyClaim> into)
    {
        lock (_gate)
        {
            foreach (var delivery in deliveries)
            {
                if (delivery.ClaimSlot >= 0)
                    into.Add(_slots[delivery.ClaimSlot].Claim);
            }
        }
    }

    /// <summary>These messages are no longer held.</summary>
    public void Remove(List<Delivery> deliveries)
    {
        lock (_gate)
        {
            foreach (var delivery in deliveries)
            {
                if (delivery.ClaimSlot < 0)
                    continue;

                _slots[delivery.ClaimSlot] = default;
                _free.Push(delivery.ClaimSlot);
                delivery.ClaimSlot = -1;
            }
        }
    }

    /// <summary>The claims that have not been made or extended for so long.</summary>
    public void OlderThan(TimeSpan age, List<IdempotencyClaim> into)
    {
        lock (_gate)
        {
            foreach (ref readonly var slot in _slots.AsSpan())
            {
                if (slot.IsOpen && slot.Claim.Token > 0 && time.GetElapsedTime(slot.Since) >= age)
                    into.Add(slot.Claim);
            }
        }
    }

    /// <summary>What became of claims that were to be extended: they begin anew, or are lost to another.</summary>
    /// <param name="claims">The claims.</param>
    /// <param name="stillOurs">Of each, whether it was extended.</param>
    /// <param name="asked">When the store was asked.</param>
    /// <returns>How many were lost.</returns>
    public int Extended(List<IdempotencyClaim> claims, ReadOnlySpan<bool> stillOurs, long asked)
    {
        var answers = new Dictionary<IdempotencyClaim, bool>(claims.Count);
        for (var i = 0; i < claims.Count; i++)
            answers[claims[i]] = stillOurs[i];

        var lost = 0;
        lock (_gate)
        {
            foreach (ref var slot in _slots.AsSpan())
            {
                if (!slot.IsOpen || !answers.TryGetValue(slot.Claim, out var isOurs))
                    continue;

                // It is not asked about again, neither by an extension nor when its message has been delivered.
                lost += isOurs ? 0 : 1;
                slot = isOurs ? slot with { Since = asked } : slot with { Claim = slot.Claim with { Token = 0 } };
            }
        }

        return lost;
    }

    private int Grow()
    {
        var first = _slots.Length;
        Array.Resize(ref _slots, Math.Max(16, first * 2));
        for (var slot = _slots.Length - 1; slot > first; slot--)
            _free.Push(slot);

        return first;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Slot(IdempotencyClaim Claim, long Since, bool IsOpen);
}
