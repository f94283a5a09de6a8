namespace Granary.Silo.Settings;

/// <summary>What somebody who has mistyped a name may have meant.</summary>
internal static class NearestName
{
    /// <summary>Of those that are known, the one that the fewest changes of a letter lead to.</summary>
    public static string To(string name, IEnumerable<string> known) => known.MinBy(one => Distance(name.ToUpperInvariant(), one.ToUpperInvariant()))!;

    /// <summary>Letters to be replaced, left out or put in (Levenshtein).</summary>
    private static int Distance(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 0; i < from.Length; i++)
        {
            var diagonal = row[0]++;
            for (var j = 0; j < to.Length; j++)
            {
                var replaced = diagonal + (from[i] == to[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(replaced, Math.Min(row[j], diagonal) + 1);
            }
        }
        return row[^1];
    }
}
