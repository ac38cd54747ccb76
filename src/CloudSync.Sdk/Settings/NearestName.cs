namespace CloudSync.Sdk.Settings;

/// <summary>Which of the names somebody most likely meant.</summary>
internal static class NearestName
{
    /// <summary>The name with the fewest letters added, left out, changed or swapped; <see langword="null"/> when none is near.</summary>
    public static string? Find(string written, IEnumerable<string> names)
    {
        var nearest = names
            .Select(name => (Name: name, Distance: Distance(written.ToUpperInvariant(), name.ToUpperInvariant())))
            .Where(n => n.Distance <= Math.Max(written.Length, n.Name.Length) / 2)
            .OrderBy(n => n.Distance)
            .FirstOrDefault();
        return nearest.Name;
    }

    /// <summary>Optimal string alignment: the edits from one to the other, no part of the text edited twice.</summary>
    private static int Distance(string a, string b)
    {
        // Nobody mistypes a name into one that is twice as long; this bounds the table for hostile input too.
        if (a.Length > 2 * b.Length + 2)
            return int.MaxValue;

        var edits = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    edits[i, j] = i + j;
                    continue;
                }

                var change = a[i - 1] == b[j - 1] ? 0 : 1;
                edits[i, j] = Math.Min(Math.Min(edits[i - 1, j] + 1, edits[i, j - 1] + 1), edits[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
            }
        }

        return edits[a.Length, b.Length];
    }
}
