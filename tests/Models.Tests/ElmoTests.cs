// T time, B batch, W width
using Granary.Models.Texts;
using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests;

public sealed class ElmoTests : IDisposable
{
    private const int Width = 6;
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("words", 150)]
    [InlineData("characters", 300)]
    public void Training_OnTheMadeUpLanguage_LearnsInBothDirections(string input, double most)
    {
        var spec = Spec("elmo", $"input={input}", "width=32", "batch=16", "dropout=0", "bptt=16", "learning-rate=0.02", "warm-up=5", "valid-words=1000", "validate-every=60") with { Steps = 60 };
        using var driver = new Lockstep(LearnerTask.Of<Elmo>(), spec).Run(60);
        foreach (var direction in new[] { "forwards", "backwards" })
        {
            var perplexity = driver.Metrics[$"validation.perplexity.{direction}"];
            Assert.True(perplexity < most, $"perplexity {direction} {perplexity}; at first all of 950 words are as likely");
        }
        Assert.Equal(driver.Metrics["validation.loss"], Math.Log(driver.Metrics["validation.perplexity.forwards"] * driver.Metrics["validation.perplexity.backwards"]), tolerance: 1e-6);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public void Vectors_OfAPaddedText_AreThoseThatItHasAlone(int words)
    {
        using var scope = NewDisposeScope();
        using var body = new ElmoBody(words, Width);
        LabelledText[] texts = [new([7, 8], 0), new([.. Enumerable.Range(1, 17)], 0), new([3, 3, 9, 4, 11, 2], 0)];
        var together = Vectors(body, words, texts);
        foreach (var (number, text) in texts.Index())
        {
            foreach (var (alone_TBW, all_TBW) in Vectors(body, words, text).Zip(together))
            {
                Assert.True(alone_TBW.select(1, 0).allclose(all_TBW.select(1, number).narrow(0, 0, text.Words.Length), 1e-5, 1e-6), $"text {number}");
            }
        }
    }

    [Fact]
    public void Vectors_SeeTheWordsOfTheirOwnDirectionOnly()
    {
        using var scope = NewDisposeScope();
        using var body = new ElmoBody(40, Width);
        var (before, after) = (Vectors(body, 40, new LabelledText([1, 2, 3, 4, 5], 0)), Vectors(body, 40, new LabelledText([1, 30, 3, 4, 5], 0)));
        foreach (var layer in new[] { 1, 2 })
        {
            // Whether the vector of each word, in either direction, is another one than before the second word was changed.
            bool[] Changed(int start) => [.. Enumerable.Range(0, 5).Select(t => !before[layer][t, 0].narrow(0, start, Width).allclose(after[layer][t, 0].narrow(0, start, Width)))];
            Assert.Equal([false, true, true, true, true], Changed(0));
            Assert.Equal([true, true, false, false, false], Changed(Width));
        }
    }

    [Fact]
    public void Spelling_IsBytesBetweenMarks_AndCutOffAtTheEnd()
    {
        long[] codes = WordCodes.Spell(["a\u00e9", "abcdefghijklmnopq"]);
        Assert.Equal([1, 3 + 'a', 3 + 0xC3, 3 + 0xA9, 2, 0], codes[..6]);
        Assert.Equal([1, 3 + 'a', 3 + 'b'], codes[WordCodes.Letters..(WordCodes.Letters + 3)]);
        Assert.Equal([3 + 'n', 2L], codes[^2..]);
    }

    [Theory]
    [InlineData("words", "own=true")]
    [InlineData("characters", "own=false")]
    public void Sentiment_OnARun_KeepsItsWeightsAndOpensWithoutIt(string input, string own)
    {
        var (run, elmo) = Train("elmo", 3, $"input={input}", "width=8", "bptt=8", "batch=8", "vocabulary=200", "valid-words=500");
        string[] settings = ["embedding=4", $"vectors={run}", own];
        var (model, trained) = Train("sentiment", 3, settings);
        foreach (var (name, values) in elmo.Where(tensor => tensor.Key.StartsWith("body.", StringComparison.Ordinal)))
        {
            Assert.Equal(values, trained[$"contextual.{name}"]);
        }
        Assert.NotEqual([1f], trained["contextual.scale"]);
        Assert.Equal(own == "own=true", trained.ContainsKey("embedding.weight"));

        string[] asked = ["ba mati nix", "nix"];
        var (checkpoint, spec) = (new CheckpointStore(model).Best()!, Spec("sentiment", settings));
        var before = Predicted(spec, checkpoint, asked);
        Directory.Delete(run, recursive: true);
        Assert.Equal(before, Predicted(spec, checkpoint, asked));
        Assert.Contains("no whole checkpoint", Assert.Throws<TrainingDataException>(() => LearnerTask.Of<Sentiment>().CreateReplica(Spec("sentiment", [$"vectors={folder.Path}"]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sentiment_OnARun_EqualsItselfOnSeveralWorkersAndLeavesNoTensors()
    {
        var (run, _) = Train("elmo", 2, "width=8", "bptt=8", "batch=8", "vocabulary=200", "valid-words=500");
        var spec = Spec("sentiment", "model=cnn", "embedding=4", "filters=4", "batch=12", $"vectors={run}", "validate-every=4") with { Shards = 5 };
        TaskPromises.HasTheSameBitsOnAnyNumberOfWorkers(LearnerTask.Of<Sentiment>(), spec);
        TaskPromises.LeavesNoTensorsBehind(LearnerTask.Of<Sentiment>(), spec);
        Assert.Contains("frozen anyway", Refused(spec, "frozen", "true"), StringComparison.Ordinal);
        Assert.Contains("'own' can be false only if", Refused(Spec("sentiment"), "own", "false"), StringComparison.Ordinal);
    }

    private static string Refused(TrainingSpec spec, string name, string value) =>
        Assert.Throws<TaskSettingException>(() => LearnerTask.Of<Sentiment>().CreateReplica(spec with { Settings = new Dictionary<string, string>(spec.Settings) { [name] = value } })).Message;

    private static double[] Predicted(TrainingSpec spec, Checkpoint checkpoint, string[] texts)
    {
        using var replica = LearnerTask.Of<Sentiment>().OpenReplica(spec, checkpoint.ReadAsset)!;
        CheckpointStore.LoadModel(checkpoint, replica);
        return [.. ((IPredictor)replica.Model).Predict(texts).Select(answer => answer.Choices[0].Probability)];
    }

    private static Tensor[] Vectors(ElmoBody body, int words, params LabelledText[] texts)
    {
        int[] same = [.. Enumerable.Range(0, 40)];
        return body.Contextual(PaddedTexts.Of(texts, same, 1, words > 0 ? [.. same.Select(word => (long)word)] : WordCodes.Spell([.. same.Select(word => $"w{word}")])));
    }

    private (string Run, Dictionary<string, float[]> Tensors) Train(string task, int steps, params string[] settings)
    {
        var spec = new RunSpec { RunId = "run", Output = folder.Path, Task = task, Settings = Spec(task, settings).Settings };
        using var driver = new Lockstep(task == "elmo" ? LearnerTask.Of<Elmo>() : LearnerTask.Of<Sentiment>(), spec).Run(steps);
        var run = Path.Combine(folder.Path, task);
        new CheckpointStore(run).Write(driver.Replica.State, CheckpointManifest.Of(spec, driver.Replica, steps));
        return (run, driver.Replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model).ToDictionary(tensor => tensor.Name, tensor => tensor.Values.ToArray()));
    }

    private static TrainingSpec Spec(string task, params string[] settings) => new()
    {
        Task = task,
        Settings = settings.Select(setting => setting.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]),
    };
}
