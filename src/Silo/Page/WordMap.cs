using Granary.Training.Tasks;

namespace Granary.Silo.Page;

/// <summary>Where the words of a model lie, for people: a plane, and who is near whom.</summary>
internal sealed class WordMap
{
    // In the plane, and among which neighbours are looked for.
    private const int Shown = 2_000, Compared = 20_000;
    private readonly string[] words;
    private readonly float[][] units;
    private readonly Dictionary<string, int> numbers;

    public WordMap(IWordVectors vectors)
    {
        var frequent = vectors.Frequent(Compared);
        words = [.. frequent.Select(one => one.Word)];
        units = [.. frequent.Select(one => Unit(one.Vector))];
        numbers = words.Index().DistinctBy(word => word.Item).ToDictionary(word => word.Item, word => word.Index);
        (X, Y) = PrincipalPlane.Of([.. units.Take(Shown)]);
    }

    /// <summary>The most frequent ones.</summary>
    public IEnumerable<string> Words => words.Take(Shown);

    public double[] X { get; }

    public double[] Y { get; }

    /// <summary>The words nearest by cosine; <see langword="null"/>: the word is none of those that are compared.</summary>
    public IReadOnlyList<(string Word, double Similarity)>? Neighbours(string word, int count)
    {
        if (!numbers.TryGetValue(word, out var number))
        {
            return null;
        }
        return [.. words.Select((other, at) => (Word: other, Similarity: at == number ? double.NegativeInfinity : Dot(units[at], units[number]))).OrderByDescending(one => one.Similarity).Take(Math.Min(count, words.Length - 1))];
    }

    private static double Dot(float[] a, float[] b)
    {
        double sum = 0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private static float[] Unit(float[] vector)
    {
        var length = Math.Sqrt(vector.Sum(value => (double)value * value));
        return length > 0 ? [.. vector.Select(value => (float)(value / length))] : vector;
    }
}
