using System.Text;
using Granary.Models.Translation;
using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests;

public sealed class Seq2SeqTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("attention=none")]
    [InlineData("score=general", "beam=3")]
    [InlineData("score=dot", "teacher-forcing=0.7")]
    [InlineData("score=concat")]
    public async Task Training_OfAFewSentences_LearnsThemByHeart(params string[] settings)
    {
        // The tenth pair, the last, is held out.
        string[] lines = ["red house\thaus rot", "blue house\thaus blau", "red bird sings\tsingt vogel rot", "blue bird sings\tsingt vogel blau", "the house\tdas haus"];
        var data = folder.Write("pairs.tsv", Encoding.UTF8.GetBytes(string.Join('\n', lines.Concat(lines))));
        var given = settings.Select(setting => setting.Split('=')).ToDictionary(setting => setting[0], setting => setting[1]);
        Dictionary<string, string> small = new(given) { ["hidden"] = "24", ["embedding"] = "12", ["batch"] = "5", ["learning-rate"] = "0.02", ["min-count"] = "1", ["dropout"] = "0" };
        using var fitted = await Fit.RunAsync<Seq2Seq>(spec => spec with { Data = data, Shards = 2, Steps = 150, Settings = small });
        var answers = fitted.Model.Predict(["Red house", "blue bird sings", "red bird sings"]);
        Assert.Equal(["haus rot", "singt vogel blau", "singt vogel rot"], answers.Select(answer => answer.Answer));
        Assert.All(answers, answer => Assert.Equal(given.ContainsKey("attention"), answer.Picture is null));
        Assert.Contains("'xyz'", Assert.Throws<UnanswerableInputException>(() => fitted.Model.Predict(["xyz"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_ThatTranslateAColumnIntoItself_AreRefused()
    {
        var spec = new TrainingSpec { Task = "seq2seq", Settings = new Dictionary<string, string> { ["target"] = "1" } };
        Assert.Contains("'source' and 'target' are both 1", Assert.Throws<TaskSettingException>(() => LearnerTask.Of<Seq2Seq>().CreateReplica(spec)).Message, StringComparison.Ordinal);
    }

    /// <summary>What a sentence is padded with must not be seen by any part of the network.</summary>
    [Fact]
    public void Sentence_BesideALongerOne_IsEncodedAndDecodedAsAlone()
    {
        using var scope = NewDisposeScope();
        using var unlearned = no_grad();
        var pairs = SentencePairs.Load(null, new());
        foreach (var score in new[] { "general", "dot", "concat" })
        {
            using var network = new Translator(score, embedding: 6, hidden: 8, drops: 0, pairs.Source.Count, targetWords: 9);
            network.Initialize(seed: 5);
            int[] small = [1, 2, 3], large = [4, 5, 6, 7, 8, 9];
            var (alone, together) = (network.Encode(SourceBatch.Of([small], pairs.Source)), network.Encode(SourceBatch.Of([small, large], pairs.Source)));
            var words_TB = tensor([7L, 7, 1, 1, 2, 2], 3, 2);
            var (one, _, looks) = network.Decode(words_TB.narrow(1, 0, 1), alone.Begin_1BH, alone);
            var (both, _, wide) = network.Decode(words_TB, together.Begin_1BH, together);
            Assert.True(one.allclose(both.narrow(1, 0, 1), 1e-5, 1e-6), score);
            Assert.True(looks!.allclose(wide!.narrow(0, 0, 1).narrow(2, 0, 4), 1e-5, 1e-6), score);
            Assert.Equal(0, wide!.narrow(0, 0, 1).narrow(2, 4, 3).abs().sum().item<float>());
        }
    }

    [Fact]
    public void DecodePartlyGiven_OfAllWords_IsWhatOnePassDecodes()
    {
        using var scope = NewDisposeScope();
        using var unlearned = no_grad();
        var pairs = SentencePairs.Load(null, new());
        using var network = new Translator("general", embedding: 6, hidden: 8, drops: 0, pairs.Source.Count, pairs.Target.Count);
        network.Initialize(seed: 5);
        var batch = PairBatch.Of([.. pairs.Training.Take(5)], pairs, _ => false);
        var encoded = network.Encode(batch);
        var (whole, _, _) = network.Decode(batch.Given_TB, encoded.Begin_1BH, encoded);
        Assert.True(whole.allclose(network.DecodePartlyGiven(batch, ones(batch.Given_TB.shape), encoded), 1e-5, 1e-6));
        Assert.False(whole.allclose(network.DecodePartlyGiven(batch, zeros(batch.Given_TB.shape), encoded), 1e-5, 1e-6));
    }

    /// <summary>A beam as wide as all there is finds what trying everything finds; a narrow one takes the likeliest word each time.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void BeamSearch_OfAllBeginnings_FindsTheLikeliestSentence(int seed)
    {
        const int Words = 4, End = 3, Begin = 4, Longest = 4, Sentences = 2;
        // The odds of a word follow from the sentence and from all that is written.
        double Odds(int sentence, IEnumerable<int> written, int word)
        {
            double[] values = [.. Enumerable.Range(0, Words).Select(next => Math.Exp(3 * new Random(written.Aggregate(1000 * seed + sentence, (hash, before) => 7 * hash + before + 1) * 5 + next).NextDouble()))];
            return Math.Log(values[word] / values.Sum());
        }
        var found = Search(beam: 40);
        for (var sentence = 0; sentence < Sentences; sentence++)
        {
            var best = Everything(Longest - 1).MaxBy(written => Enumerable.Range(0, written.Length + 1).Sum(place => Odds(sentence, written[..place], place < written.Length ? written[place] : End)) / (written.Length + 1))!;
            Assert.Equal(best, found[sentence]);
            var greedy = new List<int>();
            while (greedy.Count < Longest && Enumerable.Range(0, Words).MaxBy(word => Odds(sentence, greedy, word)) is var likeliest and not End)
            {
                greedy.Add(likeliest);
            }
            Assert.Equal(greedy, Search(beam: 1)[sentence]);
        }

        IReadOnlyList<int[]> Search(int beam)
        {
            List<int>[] rows = [.. Enumerable.Range(0, Sentences).Select(_ => new List<int>())];
            var owners = Enumerable.Range(0, Sentences).ToArray();
            return new BeamSearch(beam, Longest, Begin, End).Find(Sentences, (words, parents) =>
            {
                rows = [.. parents.Zip(words, (parent, word) => word == Begin ? new List<int>() : [.. rows[parent], (int)word])];
                owners = [.. parents.Select(parent => owners[parent])];
                return tensor([.. rows.Zip(owners, (row, owner) => Enumerable.Range(0, Words).Select(word => (float)Odds(owner, row, word))).SelectMany(odds => odds)], rows.Length, Words);
            });
        }

        static IEnumerable<int[]> Everything(int longest) => longest == 0 ? [[]] : Everything(longest - 1).SelectMany(shorter => Enumerable.Range(0, End).Select(word => (int[])[.. shorter, word])).Prepend([]).Concat(Everything(longest - 1)).DistinctBy(words => string.Join(' ', words));
    }

    [Fact]
    public void Bleu_OfOneWorkerAndOfThree_IsTheSameNumber()
    {
        var spec = new TrainingSpec { Task = "seq2seq", Shards = 5, Settings = new Dictionary<string, string> { ["hidden"] = "16", ["embedding"] = "16", ["bleu-sentences"] = "40", ["longest"] = "12" } };
        using var one = new Lockstep(LearnerTask.Of<Seq2Seq>(), spec).Run(20);
        using var three = new Lockstep(LearnerTask.Of<Seq2Seq>(), spec, workers: 3).Run(20);
        Assert.Equal(one.Evaluate()["validation.bleu"], three.Evaluate()["validation.bleu"]);
        Assert.True(one.Evaluate()["validation.brevity"] > 0);
    }
}
