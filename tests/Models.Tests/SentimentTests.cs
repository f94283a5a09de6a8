// T time, B batch, E embedding
using System.Text;
using Granary.Models.Texts;
using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests;

public sealed class SentimentTests : IDisposable
{
    private static readonly int[] same = [.. Enumerable.Range(0, 50)];
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("wordavg", 0.7)]
    [InlineData("cnn", 0.75)]
    [InlineData("rnn", 0.75)]
    public void Training_OnMadeUpReviews_Learns(string model, double least)
    {
        using var driver = new Lockstep(LearnerTask.Of<Sentiment>(), Spec($"model={model}", "embedding=24", "filters=24", "hidden=24", "learning-rate=0.01", "dropout=0", "validate-every=300") with { Shards = 1 }).Run(300);
        Assert.True(driver.Metrics["validation.accuracy"] > least, $"accuracy {driver.Metrics["validation.accuracy"]}");
    }

    [Theory]
    [InlineData("wordavg")]
    [InlineData("cnn")]
    [InlineData("lstm")]
    [InlineData("gru")]
    public void Encoder_OfAPaddedText_GivesWhatItGivesWithoutPadding(string kind)
    {
        using var scope = NewDisposeScope();
        using TextEncoder encoder = kind switch { "wordavg" => new AverageEncoder(6), "cnn" => new ConvolutionEncoder(6, 4), _ => new RecurrentEncoder(kind, 6, 4) };
        using var embedding = nn.Embedding(50, 6);
        LabelledText[] texts = [new([7, 8], 0), new([.. Enumerable.Range(1, 17)], 0), new([3, 3, 9, 4, 11, 2], 0)];
        Tensor Encoded(params LabelledText[] some)
        {
            var padded = PaddedTexts.Of(some, same, ConvolutionEncoder.Longest);
            return encoder.Encode(embedding.call(padded.Words_TB) * padded.Mask_TB1, padded);
        }
        var together = Encoded(texts);
        Assert.Equal(encoder.Features, together.shape[1]);
        for (var i = 0; i < texts.Length; i++)
        {
            Assert.True(Encoded(texts[i])[0].allclose(together[i], 1e-5, 1e-6), $"text {i}");
        }
    }

    [Fact]
    public void RecurrentEncoder_OfPaddedTexts_IsTheBidirectionalLstmOfEach()
    {
        using var scope = NewDisposeScope();
        using var encoder = new RecurrentEncoder("lstm", 6, 4);
        using var both = nn.LSTM(6, 4, bidirectional: true);
        var own = encoder.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
        using (no_grad())
        {
            foreach (var (name, parameter) in both.named_parameters())
            {
                parameter.copy_(own[name.EndsWith("_reverse", StringComparison.Ordinal) ? $"backwards.{name[..^"_reverse".Length]}" : $"forwards.{name}"]);
            }
        }
        using var embedding = nn.Embedding(50, 6);
        LabelledText[] texts = [new([7, 8], 0), new([.. Enumerable.Range(1, 17)], 0), new([3, 3, 9, 4, 11, 2], 0)];
        var padded = PaddedTexts.Of(texts, same);
        var encoded = encoder.Encode(embedding.call(padded.Words_TB) * padded.Mask_TB1, padded);
        foreach (var (number, text) in texts.Index())
        {
            var alone_TE = embedding.call(tensor([.. text.Words.Select(word => (long)word)]));
            Assert.True(both.call(alone_TE.unsqueeze(1)).Item1.amax([0])[0].allclose(encoded[number], 1e-5, 1e-6), $"text {number}");
        }
    }

    [Fact]
    public void Evaluation_CountsWhatItSays()
    {
        using var driver = new Lockstep(LearnerTask.Of<Sentiment>(), Spec("embedding=24", "learning-rate=0.03") with { Shards = 3 }).Run(60);
        var metrics = driver.Evaluate();
        var table = driver.Replica.Findings!.Split('\n').Skip(1).Take(2).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToDictionary(line => line[0], line => line.Skip(1).Select(double.Parse).ToArray());
        var (hits, missed, alarms, rest) = (table["good"][1], table["good"][0], table["bad"][1], table["bad"][0]);
        Assert.Equal(1000, hits + missed + alarms + rest);
        Assert.Equal((hits + rest) / 1000, metrics["test.accuracy"], tolerance: 1e-9);
        Assert.Equal(hits / (hits + (missed + alarms) / 2), metrics["test.f1"], tolerance: 1e-9);
    }

    [Fact]
    public void Model_OfSeveralLabels_AnswersWithoutItsData()
    {
        string[] labels = ["low", "mid", "top"];
        var data = folder.Write("texts.tsv", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 300).Select(number => $"It is {labels[number % 3]}, word{number % 7}\t{labels[number % 3]}\n"))));
        var (checkpoint, spec) = Train(data, 60, "embedding=16", "learning-rate=0.1");
        using (var measured = LearnerTask.Of<Sentiment>().OpenReplica(spec, checkpoint.ReadAsset)!)
        {
            Assert.DoesNotContain(Training.Loop.Evaluation.Run(measured, 1).ToDictionary().Keys, name => name.StartsWith("test.", StringComparison.Ordinal));
        }
        File.Delete(data);
        using var opened = LearnerTask.Of<Sentiment>().OpenReplica(spec, checkpoint.ReadAsset)!;
        CheckpointStore.LoadModel(checkpoint, opened);
        var answers = ((IPredictor)opened.Model).Predict(["Top!", "It is low", "so-called MID things, and many other words that nobody knows"]);
        Assert.Equal(["top", "low", "mid"], answers.Select(answer => answer.Answer));
        Assert.All(answers, answer => Assert.Equal(1, answer.Choices.Sum(choice => choice.Probability), tolerance: 1e-5));
        Assert.Contains("without words", Assert.Throws<UnanswerableInputException>(() => ((IPredictor)opened.Model).Predict(["low", " "])).Message, StringComparison.Ordinal);
        using var other = LearnerTask.Of<Sentiment>().OpenReplica(spec with { Data = folder.Write("other.tsv", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("it\tnew\n", 20)))) }, checkpoint.ReadAsset)!;
        Assert.Contains("has the label 'new'", Assert.Throws<TrainingDataException>(() => Training.Loop.Evaluation.Run(other, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WordDropout_ChangesWhatIsLearned()
    {
        using var without = new Lockstep(LearnerTask.Of<Sentiment>(), Spec("embedding=8")).Run(3);
        using var with = new Lockstep(LearnerTask.Of<Sentiment>(), Spec("embedding=8", "word-dropout=0.3")).Run(3);
        Assert.NotEqual(without.Hash, with.Hash);
    }

    [Fact]
    public void Vectors_OfAFile_AreWhereTrainingBeginsAndStayIfFrozen()
    {
        var words = LabelledTexts.Load(null, new(2, 400)).Vocabulary;
        var path = folder.Write("vectors.txt", Encoding.UTF8.GetBytes($"2 3\n{words.Words[5]} 1 2 3\nunheard-of 4 5 6\n"));
        using var frozen = new Lockstep(LearnerTask.Of<Sentiment>(), Spec("embedding=3", $"vectors={path}", "frozen=true")).Run(3);
        Assert.Equal([1f, 2, 3], Row(frozen, 5));
        using var free = new Lockstep(LearnerTask.Of<Sentiment>(), Spec("embedding=3", $"vectors={path}")).Run(3);
        Assert.NotEqual([1f, 2, 3], Row(free, 5));
        Assert.Equal([1f, 2, 3], Row(free, 5).Select(value => MathF.Round(value)));

        Refused<TaskSettingException>("Set embedding=3", "embedding=4", $"vectors={path}");
        Refused<TaskSettingException>("needs 'vectors'", "frozen=true");
        Refused<TrainingDataException>("none of the", "embedding=1", $"vectors={folder.Write("foreign.txt", [.. "1 1\nunheard-of 1\n"u8])}");
        Refused<TrainingDataException>("no whole checkpoint", $"vectors={folder.Path}");
    }

    [Fact]
    public void Vectors_OfAWord2VecRun_AreTaken()
    {
        var text = folder.Write("text.txt", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat($"{MadeUpReviews.Not} {LabelledTexts.Load(null, new(2, 400)).Vocabulary.Words[1]} other ", 200))));
        var task = new Word2VecTask();
        var spec = new RunSpec { RunId = "run", Output = folder.Path, Task = task.Name, Data = text, Settings = new Dictionary<string, string> { ["dimension"] = "8", ["min-count"] = "1" } };
        using var trained = new Lockstep(task, spec).Run(2);
        var run = Path.Combine(folder.Path, "run");
        new CheckpointStore(run).Write(trained.Replica.State, CheckpointManifest.Of(spec, trained.Replica, 2));

        using var replica = LearnerTask.Of<Sentiment>().CreateReplica(Spec("embedding=8", $"vectors={run}"));
        var known = Vocabulary.FromAssets(name => trained.Replica.State.Assets[name]).Find(MadeUpReviews.Not);
        var own = Vocabulary.FromAssets(name => replica.State.Assets[name]).Find(MadeUpReviews.Not);
        Assert.Equal(
            trained.Replica.State.Tensors.Single(tensor => tensor.Name == "input.weight").Part(8 * known, 8).ToArray(),
            replica.State.Tensors.Single(tensor => tensor.Name == "embedding.weight").Part(8 * own, 8).ToArray());

        var (_, other) = Train(null, 1, "embedding=8");
        Refused<TrainingDataException>("is a run of task 'sentiment'", $"vectors={Path.Combine(other.Output, "sentiment-run")}");
    }

    [Fact]
    public void Bert_OfARun_IsWhatAClassifierBeginsWithAndKeeps()
    {
        var (pretraining, task) = (LearnerTask.Of<Bert>(), LearnerTask.Of<Sentiment>());
        var settings = "tokens=pieces vocabulary=200 layers=1 heads=2 width=16 context=40 batch=4".Split(' ').Select(setting => setting.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        var pretrained = new RunSpec { RunId = "bert", Output = folder.Path, Task = "bert", Settings = settings };
        using var bert = new Lockstep(pretraining, pretrained).Run(2);
        var run = Path.Combine(folder.Path, "bert");
        new CheckpointStore(run).Write(bert.Replica.State, CheckpointManifest.Of(pretrained, bert.Replica, 2));

        var spec = new RunSpec { RunId = "run", Output = folder.Path, Task = "sentiment", Init = run, InitMap = task.InitMap, Settings = Spec("model=bert", "learning-rate=0.003").Settings };
        using var driver = new Lockstep(task, spec);
        InitialWeights.Load(spec, driver.Replica.State);
        driver.Replica.StateRestored();
        float[] Weights(Lockstep of) => of.Replica.State.Tensors.Single(tensor => tensor.Name == "h.0.attn.c_attn.weight").Values.ToArray();
        Assert.Equal(Weights(bert), Weights(driver));
        driver.Run(4);
        Assert.NotEqual(Weights(bert), Weights(driver));
        var checkpoint = new CheckpointStore(Path.Combine(folder.Path, "run")).Write(driver.Replica.State, CheckpointManifest.Of(spec, driver.Replica, 4));

        Directory.Delete(run, recursive: true);
        using var opened = task.OpenReplica(spec, checkpoint.ReadAsset)!;
        CheckpointStore.LoadModel(checkpoint, opened);
        Assert.Equal(["bad", "good"], Assert.Single(((IPredictor)opened.Model).Predict(["some words"])).Choices.Select(choice => choice.Label).Order());
        Refused<TaskSettingException>("begins with a run of the task bert", "model=bert");
        Assert.Contains("is a run of task 'sentiment'", Assert.Throws<TrainingDataException>(() => task.CreateReplica(spec with { Init = Path.Combine(folder.Path, "run") })).Message, StringComparison.Ordinal);
    }

    private static void Refused<TException>(string complaint, params string[] settings) where TException : Exception =>
        Assert.Contains(complaint, Assert.Throws<TException>(() => LearnerTask.Of<Sentiment>().CreateReplica(Spec(settings))).Message, StringComparison.Ordinal);

    private static float[] Row(Lockstep driver, int word) => driver.Replica.State.Tensors.Single(tensor => tensor.Name == "embedding.weight").Part(3 * word, 3).ToArray();

    private (Checkpoint Checkpoint, RunSpec Spec) Train(string? data, int steps, params string[] settings)
    {
        var spec = new RunSpec { RunId = "run", Output = folder.Path, Task = "sentiment", Data = data, Settings = Spec(settings).Settings };
        using var driver = new Lockstep(LearnerTask.Of<Sentiment>(), spec).Run(steps);
        return (new CheckpointStore(Path.Combine(folder.Path, "sentiment-run")).Write(driver.Replica.State, CheckpointManifest.Of(spec, driver.Replica, steps)), spec);
    }

    private static TrainingSpec Spec(params string[] settings) => new()
    {
        Task = "sentiment",
        Settings = settings.Select(setting => setting.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]),
    };
}
