using Granary.Models.Images;
using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Devices;
using Granary.Torch.Data.Images;
using Granary.Torch.Runtime;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests;

public sealed class ImageModelsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Classifier_LearnsToTellDrawnDigitsApart()
    {
        using var driver = new Lockstep(TaskOf("cnn"), SpecOf("cnn maps=4 hidden=32") with { Steps = 60 }).Run(60);
        Assert.InRange(driver.Evaluate()["validation.accuracy"], 0.6, 1);
    }

    [Theory]
    [InlineData("resnet width=8 size=16 batch=32", 30)]
    [InlineData("resnet width=4 size=16 depth=50 batch=32", 20)]
    [InlineData("transfer width=8 size=16 batch=32", 30)]
    public void Network_LearnsFromDrawnShapes(string task, int steps) => TaskPromises.Learns(TaskOf(task), SpecOf(task), steps);

    [Theory]
    [InlineData("style size=32", 40)]
    [InlineData("style-network size=32 maps=4 blocks=1 batch=8", 30)]
    public void Painter_ComesNearerToTheStyle(string task, int steps) => TaskPromises.Learns(TaskOf(task), SpecOf(task), steps, "style");

    [Fact]
    public void Transfer_OfItsHeadAlone_LeavesAllElseAsItWas()
    {
        const string Small = "width=4 size=16";
        using var trained = new Lockstep(TaskOf($"resnet {Small}"), SpecOf($"resnet {Small}")).Run(2);
        var weights = Path.Combine(folder.Path, "weights.safetensors");
        using (var file = File.Create(weights))
        {
            Safetensors.Write(file, trained.Replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model));
        }
        var task = TaskOf("transfer");
        var spec = SpecOf($"transfer {Small} batch=8 train=head") with { Init = weights, InitMap = task.InitMap };
        using var driver = new Lockstep(task, spec);
        InitialWeights.Load(spec, driver.Replica.State);
        driver.Replica.StateRestored();
        var before = Copy(driver.Replica);
        Assert.Equal(Copy(trained.Replica)["layer2.0.conv1.weight"], before["layer2.0.conv1.weight"]);
        var after = Copy(driver.Run(3).Replica);
        Assert.All(before, tensor => Assert.Equal(tensor.Key.StartsWith("fc.", StringComparison.Ordinal), !tensor.Value.SequenceEqual(after[tensor.Key])));
    }

    [Fact]
    public void Classifier_WithoutItsData_AnswersWithTheNamesOfItsClasses()
    {
        foreach (var (name, grey) in new[] { ("dark", (byte)20), ("light", (byte)230) })
        {
            Directory.CreateDirectory(Path.Combine(folder.Path, "data", name));
            for (var i = 0; i < 10; i++)
            {
                folder.Write(Path.Combine("data", name, $"{i}.png"), new Picture(new(1, 28, 30), Enumerable.Repeat((byte)(grey + i), 840).ToArray()).ToPng());
            }
        }
        var data = Path.Combine(folder.Path, "data");
        var spec = new RunSpec { RunId = "run", Output = folder.Path, Task = "cnn", Shards = 2, Data = data, Settings = new Dictionary<string, string> { ["size"] = "20", ["batch"] = "18", ["maps"] = "2", ["hidden"] = "4" } };
        using var driver = new Lockstep(TaskOf("cnn"), spec).Run(30);
        driver.Evaluate();
        driver.Replica.WriteSamples(folder.Path, step: 29);
        Assert.Contains("dark            1", File.ReadAllText(Path.Combine(folder.Path, "step-00000030.txt")), StringComparison.Ordinal);
        Assert.StartsWith(
            """{"title":"What was taken for what","rowTitle":"true","columnTitle":"said","rows":["dark","light"],"columns":["dark","light"],"values":[[1,""",
            File.ReadAllText(Path.Combine(folder.Path, "confusion-00000030.json")), StringComparison.Ordinal);
        Assert.Equal(2 * 20 + 6, Picture.Read(Path.Combine(folder.Path, "step-00000030.png")).Shape.Width);
        var checkpoint = new CheckpointStore(Path.Combine(folder.Path, "run")).Write(driver.Replica.State, CheckpointManifest.Of(spec, driver.Replica, 30));
        var asked = folder.Write("asked.png", File.ReadAllBytes(Path.Combine(data, "light", "3.png")));
        Directory.Delete(data, recursive: true);
        using var opened = TaskOf("cnn").OpenReplica(spec, checkpoint.ReadAsset)!;
        CheckpointStore.LoadModel(checkpoint, opened);
        var answer = Assert.Single(((IPredictor)opened.Model).Predict([asked]));
        Assert.Equal(("light", 2), (answer.Answer, answer.Choices.Count));
        Assert.Equal(1, answer.Choices.Sum(choice => choice.Probability), tolerance: 1e-6);
    }

    [Fact]
    public void StyleLoss_UnderAutocast_IsTheSameWhetherItIsTheFirstOrNot()
    {
        using var scope = NewDisposeScope();
        using StyleLoss one = Loss(), other = Loss();
        other.Features.load_state_dict(one.Features.state_dict());
        var random = new Generator(1);
        Tensor picture = rand(1, 3, 32, 32, generator: random), content = rand(1, 3, 32, 32, generator: random);
        using var pass = new ShardPass(StyleLoss.Sums, HostDevice.Only, new(HostDevice.Only));
        float Sum(StyleLoss loss, bool rounded)
        {
            pass.Begin(0, 0, 0, scope);
            using var autocast = Autocast.Begin(rounded);
            var sum = loss.Sum(picture, content, pass, always: true).item<float>();
            Assert.Equal(rounded, Autocast.IsOn);
            return sum;
        }
        var whole = Sum(one, rounded: false);
        var rounded = Sum(one, rounded: true);
        Assert.Equal((rounded, whole), (Sum(other, rounded: true), Sum(other, rounded: false)));
        Assert.NotEqual(whole, rounded);
        static StyleLoss Loss() => new(new StyleSettings { Size = 32 }, () => StyleLoss.Style(new() { Size = 32 }));
    }

    [Fact]
    public void Distance_OfTwoNormalDistributions_IsFrechets()
    {
        using var scope = NewDisposeScope();
        // Independent features: the sum of squared differences of means and of deviations.
        double[] means = [0, 1, -2], deviations = [1, 0.5, 2], otherMeans = [1, 1, 0], otherDeviations = [2, 0.5, 1];
        var (distance, random) = (new FrechetDistance(3), new Generator(1));
        using var pass = new ShardPass(distance.Sums, HostDevice.Only, new(HostDevice.Only));
        pass.Begin(0, 0, 0, scope);
        Tensor Draw(double[] mean, double[] deviation) => empty(200_000, 3).normal_(0, 1, random) * tensor(deviation) + tensor(mean);
        distance.Add(Draw(means, deviations), real: true, pass);
        distance.Add(Draw(otherMeans, otherDeviations), real: false, pass);
        pass.Weight = 200_000;
        var scalars = new float[Totals.Slots(distance.Sums)];
        Totals.Write(pass, scalars);
        var expected = 1 + 0 + 4 + 1 + 0 + 1.0;
        Assert.Equal(expected, distance.Of(pass.TotalsOf("validation", scalars)), tolerance: 0.1);
    }

    private static Dictionary<string, float[]> Copy(ITrainingReplica replica) =>
        replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model).ToDictionary(tensor => tensor.Name, tensor => tensor.Values.ToArray());

    private static ITrainingTask TaskOf(string task) => TaskCatalog.Of(typeof(TwoLayer).Assembly)[task.Split(' ')[0]];

    private static TrainingSpec SpecOf(string task)
    {
        var words = task.Split(' ');
        return new() { Task = words[0], Shards = 2, Settings = words.Skip(1).Select(word => word.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]) };
    }
}
