namespace Granary.Torch.Data.Texts;

/// <summary>
/// How much translations have in common with those of people: BLEU-4 of a corpus (Papineni et al., 2002) with one reference, as sacreBLEU (Post,
/// 2018) computes it. What is counted of single sentences are sums, so that shards may count their own.
/// </summary>
internal static class Bleu
{
    private const int Longest = 4, Length = 2 * Longest, Reference = Length + 1;

    /// <summary>
    /// What is counted: for n from 1 to 4 the n-grams that occur in the reference, too, each no more often than there; all n-grams; then the
    /// words of the translations and those of the references.
    /// </summary>
    public static IReadOnlyList<string> Sums { get; } =
        [.. Enumerable.Range(1, Longest).Select(n => $"bleu.hits.{n}"), .. Enumerable.Range(1, Longest).Select(n => $"bleu.grams.{n}"), "bleu.length", "bleu.reference"];

    /// <summary>Counts a translation.</summary>
    /// <param name="counts">Added to, in the order of <see cref="Sums"/>.</param>
    public static void Count(IReadOnlyList<string> translation, IReadOnlyList<string> reference, Span<double> counts)
    {
        var numbers = new Dictionary<string, int>();
        var (ours, theirs) = (Numbers(translation, numbers), Numbers(reference, numbers));
        for (var n = 1; n <= Longest; n++)
        {
            var given = Grams(theirs, n);
            foreach (var (gram, count) in Grams(ours, n))
            {
                counts[n - 1] += Math.Min(count, given.GetValueOrDefault(gram));
                counts[Longest + n - 1] += count;
            }
        }
        counts[Length] += ours.Length;
        counts[Reference] += theirs.Length;
    }

    /// <summary>
    /// From 0 to 100: the geometric mean of the shares of n-grams that are hits, times the <see cref="Brevity"/>. Where n-grams of a length have no
    /// hit at all, half a hit is taken for the first such length, a quarter for the next, as sacreBLEU does ("exp").
    /// </summary>
    /// <param name="counts">Over all sentences.</param>
    public static double Score(ReadOnlySpan<double> counts)
    {
        if (!counts[..Longest].ContainsAnyExcept(0) || counts[Longest..Length].Contains(0))
        {
            return 0;
        }
        var (logarithm, hit) = (0.0, 1.0);
        for (var n = 0; n < Longest; n++)
        {
            logarithm += Math.Log((counts[n] > 0 ? counts[n] : hit /= 2) / counts[Longest + n]);
        }
        return 100 * Brevity(counts) * Math.Exp(logarithm / Longest);
    }

    /// <summary>The penalty for translations that are too short, all in all: 1 if they are not.</summary>
    public static double Brevity(ReadOnlySpan<double> counts) => counts[Length] == 0 ? 0 : Math.Exp(Math.Min(0, 1 - counts[Reference] / counts[Length]));

    private static int[] Numbers(IReadOnlyList<string> words, Dictionary<string, int> numbers)
    {
        var sentence = new int[words.Count];
        for (var i = 0; i < sentence.Length; i++)
        {
            if (!numbers.TryGetValue(words[i], out sentence[i]))
            {
                numbers.Add(words[i], sentence[i] = numbers.Count + 1);
            }
        }
        return sentence;
    }

    private static Dictionary<(int, int, int, int), int> Grams(int[] words, int n)
    {
        var grams = new Dictionary<(int, int, int, int), int>();
        for (var i = 0; i + n <= words.Length; i++)
        {
            var gram = (words[i], n > 1 ? words[i + 1] : 0, n > 2 ? words[i + 2] : 0, n > 3 ? words[i + 3] : 0);
            grams[gram] = grams.GetValueOrDefault(gram) + 1;
        }
        return grams;
    }
}
