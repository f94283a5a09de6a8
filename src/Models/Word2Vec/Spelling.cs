namespace Granary.Models.Word2Vec;

/// <summary>Guesses which known word was meant.</summary>
internal static class Spelling
{
    private const int Guesses = 3, MaxDistance = 2;

    /// <summary>A sentence that names the known words spelled most alike, the first ones first; empty if none is.</summary>
    public static string Hint(string word, IEnumerable<string> known)
    {
        var close = known
            .Select(other => (Word: other, Distance: Distance(word, other)))
            .Where(guess => guess.Distance <= Math.Min(MaxDistance, word.Length / 2))
            .OrderBy(guess => guess.Distance)
            .Take(Guesses)
            .Select(guess => guess.Word)
            .ToArray();
        return close.Length > 0 ? $" Close to it: {string.Join(", ", close)}." : "";
    }

    /// <summary>Letters to change, add or leave out to make one word the other, after Levenshtein.</summary>
    public static int Distance(string a, string b)
    {
        if (Math.Abs(a.Length - b.Length) > MaxDistance)
        {
            return int.MaxValue;
        }
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, 1 + Math.Min(row[j], row[j - 1]));
            }
        }
        return row[^1];
    }
}
