namespace Granary.Models.Word2Vec;

/// <summary>
/// Rows of a table that belong to a word: the n-grams that it is made of, or the nodes on the way to it. The words that a shard
/// drew know theirs by the positions in its frame.
/// </summary>
/// <param name="rows">For each word, the numbers of its rows; one may stand there twice.</param>
internal sealed class RowLists(IReadOnlyList<int[]> rows)
{
    private readonly int[] starts = [0, .. Sums(rows)];
    private readonly int[] numbers = [.. rows.SelectMany(list => list)];
    private readonly int[] located = new int[rows.Sum(list => list.Length)];
    private readonly int[] occurrences = new int[rows.Count];

    /// <summary>The length of the longest list.</summary>
    public int Longest { get; } = rows.Max(list => list.Length);

    /// <summary>The numbers of a word's rows.</summary>
    public ReadOnlySpan<int> Numbers(int word) => numbers.AsSpan(starts[word], starts[word + 1] - starts[word]);

    /// <summary>Where the rows of a word that was drawn lie in the frame.</summary>
    public ReadOnlySpan<int> Located(int word) => located.AsSpan(starts[word], starts[word + 1] - starts[word]);

    /// <summary>Every word draws all of its rows.</summary>
    public void Count(ReadOnlySpan<int> words, RowIndex index)
    {
        Array.Clear(occurrences);
        foreach (var word in words)
        {
            occurrences[word]++;
        }
        for (var word = 0; word < occurrences.Length; word++)
        {
            if (occurrences[word] > 0)
            {
                index.Count(Numbers(word), occurrences[word]);
            }
        }
    }

    /// <summary>To be called once the frame has been laid, with the words that were counted last.</summary>
    public void Locate(RowIndex index)
    {
        for (var word = 0; word < occurrences.Length; word++)
        {
            if (occurrences[word] > 0)
            {
                var list = located.AsSpan(starts[word], starts[word + 1] - starts[word]);
                Numbers(word).CopyTo(list);
                index.Locate(list);
            }
        }
    }

    private static IEnumerable<int> Sums(IReadOnlyList<int[]> rows)
    {
        var sum = 0;
        return rows.Select(list => sum += list.Length);
    }
}
