// W words, D dimensions, Q questions
using Granary.Torch.Data.Texts;
using Granary.Training.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Models.Word2Vec;

/// <summary>Questions to a table of word vectors, all by cosine.</summary>
/// <param name="values">A row for each word of the vocabulary, in memory that changes while the model trains.</param>
/// <param name="ofUnknown">The vector of a word that is not in the vocabulary, if it has one.</param>
internal sealed class WordVectors(Vocabulary vocabulary, int dimension, Func<Span<float>> values, Func<string, float[]?>? ofUnknown = null)
{
    private const int FrequentWords = 30_000;

    /// <summary>Reads what <see cref="Export"/> or another program wrote in word2vec's format.</summary>
    /// <exception cref="TrainingDataException">The file is missing or of another kind.</exception>
    public static WordVectors Read(string path)
    {
        var file = VectorFile.Read(path);
        return new(Vocabulary.Of(file.Words, [.. Enumerable.Range(0, file.Words.Length)], unknown: false), file.Dimension, () => file.Values);
    }

    /// <summary>The words nearest to a sum of unit vectors, these words themselves left out.</summary>
    public IReadOnlyList<(string Word, double Similarity)> Nearest(IReadOnlyList<(string Word, double Factor)> terms, int count)
    {
        using var scope = NewDisposeScope();
        var unit_WD = Unit();
        var factors_Q = torch.tensor(terms.Select(term => (float)term.Factor).ToArray());
        var terms_QD = torch.stack(terms.Select(term => nn.functional.normalize(torch.tensor(VectorOf(term.Word)), dim: 0)));
        var target_D = nn.functional.normalize(factors_Q.matmul(terms_QD), dim: 0);
        long[] known = [.. terms.Select(term => (long)vocabulary.Find(term.Word)).Where(number => number >= 0).Distinct()];
        var cosines_W = unit_WD.matmul(target_D).index_fill_(0, torch.tensor(known), float.NegativeInfinity);
        var (best, numbers) = cosines_W.topk(Math.Min(count, vocabulary.Count - known.Length));
        return [.. numbers.data<long>().Zip(best.data<float>(), (number, cosine) => (vocabulary.Words[(int)number], (double)cosine))];
    }

    /// <summary>
    /// Spearman's correlation with people's similarities, and the share of analogies solved, as far as the judges can tell. Also how many
    /// pairs (or questions) have only words that are known, and, as <c>.of</c>, how many there are.
    /// </summary>
    public Metrics Judge(WordSimilarity judges)
    {
        var metrics = new Metrics();
        foreach (var benchmark in judges.Benchmarks)
        {
            var compared = Compare(benchmark.Pairs).ToArray();
            metrics[$"pairs.{benchmark.Name}"] = compared.Length;
            metrics[$"pairs.{benchmark.Name}.of"] = benchmark.Pairs.Count;
            if (compared.Length > 1)
            {
                metrics[$"spearman.{benchmark.Name}"] = WordSimilarity.Spearman([.. compared.Select(pair => pair.Cosine)], [.. compared.Select(pair => pair.Score)]);
            }
        }
        if (judges.Questions.Count > 0)
        {
            var (accuracy, asked) = Solve(judges.Questions, FrequentWords);
            metrics["questions.analogies"] = asked;
            metrics["questions.analogies.of"] = judges.Questions.Count;
            if (asked > 0)
            {
                metrics["accuracy.analogies"] = accuracy;
            }
        }
        return metrics;
    }

    /// <summary>The cosine of each pair of words of which both are known.</summary>
    public IEnumerable<(double Cosine, double Score)> Compare(IEnumerable<(string First, string Second, double Score)> pairs)
    {
        foreach (var (first, second, score) in pairs)
        {
            int a = vocabulary.Find(first), b = vocabulary.Find(second);
            if (a >= 0 && b >= 0)
            {
                yield return (Cosine(Row(a), Row(b)), score);
            }
        }
    }

    /// <summary>
    /// The share of questions "a is to b as c is to d" whose d is found, among those whose four words are in the
    /// <paramref name="frequent"/> most frequent; and how many questions these are.
    /// </summary>
    public (double Accuracy, int Questions) Solve(IEnumerable<string[]> questions, int frequent)
    {
        const int AtOnce = 512;
        int solved = 0, asked = 0;
        using var scope = NewDisposeScope();
        var unit_WD = Unit().narrow(0, 0, Math.Min(frequent, vocabulary.Count));
        var known = questions.Select(words => words.Select(word => (long)vocabulary.Find(word)).ToArray())
            .Where(words => words.All(word => word >= 0 && word < frequent));
        foreach (var chunk in known.Chunk(AtOnce))
        {
            using var each = NewDisposeScope();
            Tensor Words(int place) => torch.tensor(chunk.Select(words => words[place]).ToArray());
            Tensor Rows(int place) => unit_WD.index_select(0, Words(place));
            var scores_QW = (Rows(1) - Rows(0) + Rows(2)).matmul(unit_WD.t());
            var given_Q3 = torch.stack([Words(0), Words(1), Words(2)], dim: 1);
            var answers_Q = scores_QW.scatter_(1, given_Q3, torch.full_like(given_Q3, float.NegativeInfinity, dtype: ScalarType.Float32)).argmax(1);
            solved += (int)answers_Q.eq(Words(3)).sum().item<long>();
            asked += chunk.Length;
        }
        return (asked > 0 ? (double)solved / asked : double.NaN, asked);
    }

    /// <summary>The words whose numbers are the lowest.</summary>
    public IReadOnlyList<(string Word, float[] Vector)> Frequent(int count) =>
        [.. Enumerable.Range(0, Math.Min(count, vocabulary.Count)).Select(word => (vocabulary.Words[word], Row(word).ToArray()))];

    /// <summary>See <see cref="VectorFile"/>.</summary>
    public void Export(string path, bool binary = false) => VectorFile.Write(path, vocabulary.Words, dimension, values(), binary);

    private Span<float> Row(int word) => values().Slice(word * dimension, dimension);

    private Tensor Unit() => nn.functional.normalize(torch.tensor(values().ToArray()).view(vocabulary.Count, dimension), dim: 1);

    private float[] VectorOf(string word) => vocabulary.Find(word) is >= 0 and var number ? Row(number).ToArray() : ofUnknown?.Invoke(word) ?? throw new ArgumentException(
        $"The word '{word}' is not in the vocabulary of {vocabulary.Count} words{(ofUnknown is null ? "" : ", and has no n-gram of theirs")}.{Spelling.Hint(word, vocabulary.Words)}");

    private static double Cosine(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double product = 0, squaresA = 0, squaresB = 0;
        for (var i = 0; i < a.Length; i++)
        {
            product += (double)a[i] * b[i];
            squaresA += (double)a[i] * a[i];
            squaresB += (double)b[i] * b[i];
        }
        return product / Math.Max(1e-12, Math.Sqrt(squaresA * squaresB));
    }
}
