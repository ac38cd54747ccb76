using System.Globalization;

namespace CloudSync.Sdk;

/// <summary>Where a dead letter stands in the dead-letter topic. Written <c>partition:offset</c>.</summary>
/// <param name="Partition">The partition of the dead-letter topic.</param>
/// <param name="Offset">The offset there.</param>
public readonly record struct DeadLetterPosition(int Partition, long Offset) : IComparable<DeadLetterPosition>
{
    /// <summary>Reads <c>partition:offset</c>, such as <c>3:1042</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="position">The position; the default when there is none.</param>
    /// <returns>Whether the text is a position.</returns>
    public static bool TryParse(string? text, out DeadLetterPosition position)
    {
        position = default;
        var parts = text?.Split(':') ?? [];
        if (parts.Length != 2
            || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
            return false;

        position = new DeadLetterPosition(partition, offset);
        return true;
    }

    /// <summary>By partition, then by offset.</summary>
    public int CompareTo(DeadLetterPosition other) => (Partition, Offset).CompareTo((other.Partition, other.Offset));

    /// <summary><c>partition:offset</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Partition}:{Offset}");

    /// <summary>Whether one stands before the other.</summary>
    public static bool operator <(DeadLetterPosition left, DeadLetterPosition right) => left.CompareTo(right) < 0;

    /// <summary>Whether one stands behind the other.</summary>
    public static bool operator >(DeadLetterPosition left, DeadLetterPosition right) => left.CompareTo(right) > 0;

    /// <summary>Whether one does not stand behind the other.</summary>
    public static bool operator <=(DeadLetterPosition left, DeadLetterPosition right) => left.CompareTo(right) <= 0;

    /// <summary>Whether one does not stand before the other.</summary>
    public static bool operator >=(DeadLetterPosition left, DeadLetterPosition right) => left.CompareTo(right) >= 0;
}
