using System.Text;
using Granary.Torch.Data.Texts;
using Granary.Training.Checkpoints;

namespace Granary.Models.Tests.Data;

public class PhrasesTests
{
    // 63 words: "new york" stands there four times, "york times" three times; new and york five times, times six times.
    private const string Text = "new york times is a|new york times is a|new york times|new york|new|york|is a|is|times|times|times|";
    private const int Others = 40;
    private static readonly string[] words = [Vocabulary.LineEnd, "new", "york", "times", "is", "a", "other"];

    private static readonly int[] text =
    [
        .. Text.Replace("|", $" {Vocabulary.LineEnd} ").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => words.IndexOf(word)),
        .. Enumerable.Repeat<int[]>([words.Length - 1, 0], Others).SelectMany(line => line),
    ];

    [Theory]
    [InlineData((4 - 1) * 63.0 / (5 * 5) - 0.01, true)]
    [InlineData((4 - 1) * 63.0 / (5 * 5) + 0.01, false)]
    public void Pairs_AreJoinedAboveTheThreshold(double threshold, bool joined)
    {
        var phrases = Phrases.Find(words, text, Options(1, threshold));
        Assert.Equal(joined, Encoding.UTF8.GetString(phrases.ToAsset()).Contains("1 new york\n"));
    }

    [Fact]
    public void Passes_JoinWhatEarlierOnesHaveJoined()
    {
        // york times scores 4.2 in the first pass, new_york times 4.67 in the second.
        var phrases = Phrases.Find(words, text, Options(passes: 2, threshold: 4.4));
        Assert.Equal("1 new york\n1 is a\n2 new_york times\n", Encoding.UTF8.GetString(phrases.ToAsset()));
        var (joined, texts) = phrases.Join(words, text);
        Assert.StartsWith("new_york_times is_a <eos> new_york_times is_a <eos> new_york_times <eos> new_york <eos> new <eos> york <eos>", string.Join(' ', texts[0].Select(word => joined[word])));
    }

    [Fact]
    public void Joining_GoesFromLeftToRight()
    {
        var phrases = Phrases.FromAssets(_ => "1 a b\n1 b c\n1 c c\n"u8.ToArray());
        var (joined, texts) = phrases.Join(["a", "b", "c"], [0, 1, 2, 2, 2], [0, 0, 1]);
        Assert.Equal(["a_b c_c c", "a a_b"], texts.Select(text => string.Join(' ', text.Select(word => joined[word]))));
    }

    [Fact]
    public void Joining_ToAWordThatIsThere_TakesItsNumber()
    {
        var (joined, texts) = Phrases.FromAssets(_ => "1 a b\n"u8.ToArray()).Join(["a", "a_b", "b"], [[0, 2, 1]]);
        Assert.Equal(3, joined.Count);
        Assert.Equal([1, 1], texts[0]);
    }

    [Fact]
    public void Asset_ReadBack_IsTheSame()
    {
        var asset = Phrases.Find(words, text, Options(passes: 2, threshold: 4.4)).ToAsset();
        Assert.Equal(asset, Phrases.FromAssets(_ => asset).ToAsset());
        Assert.Empty(Phrases.FromAssets(_ => []).ToAsset());
    }

    [Theory]
    [InlineData("1 a\n", "line 1")]
    [InlineData("1 a b\nx a b\n", "line 2")]
    [InlineData("1 a b\n3 a b\n", "line 2")]
    [InlineData("1 a b", "within a line")]
    public void Asset_Damaged_IsRefused(string asset, string expected) =>
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => Phrases.FromAssets(_ => Encoding.UTF8.GetBytes(asset))).Message);

    [Fact]
    public void Corpus_OfAKnownModel_JoinsItsPhrasesAndNoOthers()
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, string.Concat(Enumerable.Repeat("x y z w\n", 20)));
        var options = new CorpusOptions { HeldOutWords = 0, Unknown = false, PhrasePasses = 1, PhraseThreshold = 1, PhraseDiscount = 1 };
        var corpus = TextCorpus.Load(path, options);
        Assert.Equal(["<eos>", "x_y", "z_w"], corpus.Vocabulary.Words.Order(StringComparer.Ordinal));
        var known = TextCorpus.Load(path, options, corpus.Vocabulary, Phrases.FromAssets(_ => "1 x y\n"u8.ToArray()));
        Assert.Equal(40, known.Training.Length); // x_y and the ends of lines
        File.Delete(path);
    }

    private static CorpusOptions Options(int passes, double threshold) => new() { PhrasePasses = passes, PhraseThreshold = threshold, PhraseDiscount = 1 };
}
