using System.Text;
using Granary.Testing;
using Granary.Torch;
using Granary.Training.Checkpoints;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

/// <summary>A trained model is its checkpoint: the data may be gone, or be others by now.</summary>
public sealed class TrainedModelTests : IDisposable
{
    private static readonly Dictionary<string, string> small = new() { ["vocabulary-size"] = "50", ["min-count"] = "1", ["dimension"] = "8", ["batch"] = "500" };
    private static readonly Dictionary<string, string> narrow = new() { ["hidden"] = "8", ["embedding"] = "8", ["batch"] = "4", ["bptt"] = "8", ["vocabulary"] = "40", ["valid-words"] = "200" };
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Word2Vec_AfterItsTextHasChanged_KeepsEveryWordsVector()
    {
        var text = folder.Write("text.txt", Text(seed: 1));
        var (spec, checkpoint) = Train(new Word2VecTask(), text, small);
        var before = Export(spec, checkpoint);

        folder.Write("text.txt", [.. Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("zebra ", 3000))), .. Text(seed: 1)]);
        Assert.Equal(before, Export(spec, checkpoint));
        using var changed = new Word2VecTask().CreateReplica(spec);
        var error = Assert.Throws<CheckpointException>(() => CheckpointStore.Load(checkpoint, changed));
        Assert.Contains("vocabulary.txt is not what the run's data give now", error.Message, StringComparison.Ordinal);

        File.Delete(text);
        Assert.Equal(before, Export(spec, checkpoint));
    }

    [Fact]
    public void Word2Vec_MeasuredOnAnotherText_CountsItByItsOwnWords()
    {
        var (spec, checkpoint) = Train(new Word2VecTask(), folder.Write("text.txt", Text(seed: 1)), small);
        using var own = Open(new Word2VecTask(), spec, checkpoint);
        using var other = Open(new Word2VecTask(), spec with { Data = folder.Write("other.txt", [.. "zebra zebra "u8, .. Text(seed: 2)]) }, checkpoint);
        Assert.InRange(Measured(other)["loss"], 0.9 * Measured(own)["loss"], 1.1 * Measured(own)["loss"]);

        using var foreign = Open(new Word2VecTask(), spec with { Data = folder.Write("foreign.txt", "zebra gnu zebra"u8.ToArray()) }, checkpoint);
        Assert.Contains("none of the 50 words", Assert.Throws<TrainingDataException>(() => Measured(foreign)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LanguageModel_WithoutItsText_WritesAsBeforeAndIsMeasuredOnAnother()
    {
        var text = folder.Write("text.txt", Text(seed: 1));
        var (spec, checkpoint) = Train(LearnerTask.Of<LanguageModel>(), text, narrow);
        using var trained = Open(LearnerTask.Of<LanguageModel>(), spec, checkpoint);
        var (written, measured) = (((ITextGenerator)trained.Model).Generate("w1", 30, seed: 1), Measured(trained)["test.loss"]);

        var moved = folder.Write("moved.txt", File.ReadAllBytes(text));
        File.Delete(text);
        using var opened = Open(LearnerTask.Of<LanguageModel>(), spec, checkpoint);
        Assert.Equal(written, ((ITextGenerator)opened.Model).Generate("w1", 30, seed: 1));
        Assert.Contains("nothing at", Assert.Throws<TrainingDataException>(() => Measured(opened)).Message, StringComparison.Ordinal);
        using var elsewhere = Open(LearnerTask.Of<LanguageModel>(), spec with { Data = moved }, checkpoint);
        Assert.Equal(measured, Measured(elsewhere)["test.loss"]);
        using var other = Open(LearnerTask.Of<LanguageModel>(), spec with { Data = folder.Write("other.txt", Text(seed: 2)) }, checkpoint);
        Assert.InRange(Measured(other)["test.loss"], 0.9 * measured, 1.1 * measured);
    }

    [Fact]
    public void Gan_WithoutItsImages_DrawsAsBeforeAndIsMeasuredOnThoseOfAnotherSize()
    {
        var images = folder.Write("images", Images(height: 4, width: 6));
        var (spec, checkpoint) = Train(LearnerTask.Of<Gan>(), images, new() { ["hidden"] = "8", ["batch"] = "10" });
        using var trained = Open(LearnerTask.Of<Gan>(), spec, checkpoint);
        var (drawn, measured) = (((IPictureGenerator)trained.Model).Draw(4, seed: 1), Measured(trained)["validation.loss.generator"]);

        var moved = folder.Write("moved", File.ReadAllBytes(images));
        File.Delete(images);
        using var opened = Open(LearnerTask.Of<Gan>(), spec, checkpoint);
        Assert.Equal(drawn, ((IPictureGenerator)opened.Model).Draw(4, seed: 1));
        using var elsewhere = Open(LearnerTask.Of<Gan>(), spec with { Data = moved }, checkpoint);
        Assert.Equal(measured, Measured(elsewhere)["validation.loss.generator"]);
        using var turned = Open(LearnerTask.Of<Gan>(), spec with { Data = folder.Write("turned", Images(height: 6, width: 4)) }, checkpoint);
        Assert.InRange(Measured(turned)["validation.loss.generator"], 0.1, 10);
        using var retrained = LearnerTask.Of<Gan>().CreateReplica(spec with { Data = Path.Combine(folder.Path, "turned") });
        Assert.Contains("images.json is not what", Assert.Throws<CheckpointException>(() => CheckpointStore.Load(checkpoint, retrained)).Message, StringComparison.Ordinal);
    }

    private (RunSpec Spec, Checkpoint Checkpoint) Train(ITrainingTask task, string data, Dictionary<string, string> settings)
    {
        var spec = new RunSpec { RunId = "run", Output = folder.Path, Task = task.Name, Shards = 2, Data = data, Settings = settings };
        using var driver = new Lockstep(task, spec).Run(3);
        return (spec, new CheckpointStore(Path.Combine(folder.Path, "run")).Write(driver.Replica.State, CheckpointManifest.Of(spec, driver.Replica, 3)));
    }

    private static ITrainingReplica Open(ITrainingTask task, RunSpec spec, Checkpoint checkpoint)
    {
        var replica = task.OpenReplica(spec, checkpoint.ReadAsset)!;
        CheckpointStore.LoadModel(checkpoint, replica);
        return replica;
    }

    private static Metrics Measured(ITrainingReplica replica) => Evaluation.Run(replica, shards: 2);

    private string Export(RunSpec spec, Checkpoint checkpoint)
    {
        using var model = Open(new Word2VecTask(), spec, checkpoint);
        var path = Path.Combine(folder.Path, "vectors.txt");
        ((IWordVectors)model).Export(path);
        return File.ReadAllText(path);
    }

    /// <summary>Lines of words w0 to w69, the first ones more often.</summary>
    private static byte[] Text(int seed)
    {
        var random = new Random(seed);
        return Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 400).Select(_ =>
            string.Join(' ', Enumerable.Range(0, 10).Select(_ => $"w{random.Next(1 + random.Next(70))}")) + "\n")));
    }

    /// <summary>Twenty images in MNIST's format.</summary>
    private static byte[] Images(byte height, byte width) =>
        [0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, height, 0, 0, 0, width, .. Enumerable.Range(0, 20 * height * width).Select(value => (byte)(7 * value))];
}
