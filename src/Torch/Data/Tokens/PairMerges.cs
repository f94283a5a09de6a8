namespace Granary.Torch.Data.Tokens;

/// <summary>
/// Learns which neighbouring symbols to join to a new one: always the pair that occurs most often, over and over (Sennrich et al., 2016).
/// Of equally frequent pairs the one with the lower numbers is first.
/// </summary>
internal sealed class PairMerges
{
    private readonly List<int>[] words;
    private readonly long[] counts;
    private readonly Dictionary<(int Left, int Right), (long Count, HashSet<int> Words)> pairs = [];

    // Counts in here may be too high by now: they are looked up again when their turn has come.
    private readonly PriorityQueue<(int Left, int Right), (long, int, int)> queue = new();

    private PairMerges(IReadOnlyList<(int[] Symbols, long Count)> words)
    {
        this.words = [.. words.Select(word => word.Symbols.ToList())];
        counts = [.. words.Select(word => word.Count)];
        for (var number = 0; number < counts.Length; number++)
        {
            Count(number, 1);
        }
        foreach (var pair in pairs.Keys)
        {
            Enqueue(pair);
        }
    }

    /// <param name="words">What is never joined across, each as numbers of symbols, and how often it occurs.</param>
    /// <param name="first">The number of the first new symbol.</param>
    /// <param name="most">How many there shall be; there are fewer if no pair is left that occurs twice.</param>
    /// <returns>What each new symbol, in their order, is joined of.</returns>
    public static IEnumerable<(int Left, int Right)> Learn(IReadOnlyList<(int[] Symbols, long Count)> words, int first, int most)
    {
        var merges = new PairMerges(words);
        for (var symbol = first; symbol < first + most && merges.Next() is { } pair; symbol++)
        {
            merges.Join(pair, symbol);
            yield return pair;
        }
    }

    private (int Left, int Right)? Next()
    {
        while (queue.TryDequeue(out var pair, out var priority))
        {
            var count = pairs.TryGetValue(pair, out var now) ? now.Count : 0;
            if (count == -priority.Item1)
            {
                return pair;
            }
            Enqueue(pair);
        }
        return null;
    }

    private void Join((int Left, int Right) pair, int symbol)
    {
        var changed = new HashSet<(int, int)>();
        foreach (var number in pairs[pair].Words.Order().ToList())
        {
            var word = words[number];
            Count(number, -1);
            var kept = 0;
            for (var i = 0; i < word.Count; i++)
            {
                var joined = i + 1 < word.Count && (word[i], word[i + 1]) == pair;
                word[kept++] = joined ? symbol : word[i];
                i += joined ? 1 : 0;
            }
            word.RemoveRange(kept, word.Count - kept);
            Count(number, 1);
            for (var i = 0; i + 1 < word.Count; i++)
            {
                if (word[i] == symbol || word[i + 1] == symbol)
                {
                    changed.Add((word[i], word[i + 1]));
                }
            }
        }
        foreach (var neighbours in changed)
        {
            Enqueue(neighbours);
        }
    }

    /// <param name="sign">1: the word's pairs are counted; -1: no longer.</param>
    private void Count(int number, int sign)
    {
        var word = words[number];
        for (var i = 0; i + 1 < word.Count; i++)
        {
            var pair = (word[i], word[i + 1]);
            if (!pairs.TryGetValue(pair, out var known))
            {
                known = (0, []);
            }
            pairs[pair] = known with { Count = known.Count + sign * counts[number] };
            _ = sign > 0 ? known.Words.Add(number) : known.Words.Remove(number);
        }
    }

    private void Enqueue((int Left, int Right) pair)
    {
        if (pairs[pair].Count > 1)
        {
            queue.Enqueue(pair, (-pairs[pair].Count, pair.Left, pair.Right));
        }
    }
}
