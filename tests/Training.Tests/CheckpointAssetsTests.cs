using System.Text;
using Granary.Tests.Fakes;
using Granary.Training.Checkpoints;
using Granary.Training.Numerics;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

public sealed class CheckpointAssetsTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void Assets_OfAReplica_LieInTheCheckpointAndAreVouchedFor()
    {
        var checkpoint = Write("one two");
        Assert.Equal("one two", Encoding.UTF8.GetString(checkpoint.ReadAsset("points.txt")));
        File.WriteAllText(Path.Combine(checkpoint.Directory, "points.txt"), "one too");
        var skipped = new List<string>();
        Assert.Null(new CheckpointStore(directory).Latest(damage => skipped.Add(damage.Message)));
        Assert.Contains("points.txt was altered", Assert.Single(skipped), StringComparison.Ordinal);
    }

    [Fact]
    public void Assets_OfASnapshot_AreThoseOfTheState()
    {
        using var replica = Create("one two");
        using (var writer = new CheckpointWriter(new(directory), keep: 1, _ => { }, _ => { }))
        {
            writer.Begin(replica.State, CheckpointTests.Manifest(Spec("one two"), replica, step: 1, score: 1));
            writer.Complete();
        }
        Assert.Equal("one two", Encoding.UTF8.GetString(new CheckpointStore(directory).Open(1).ReadAsset("points.txt")));
    }

    [Theory]
    [InlineData("one two", "two one", "points.txt is not what the run's data give now")]
    [InlineData("", "one", "holds no points.txt")]
    [InlineData("one", "", "points.txt is nothing that task 'points' knows")]
    public void Checkpoint_WithOtherAssetsThanTheReplica_IsRefusedBeforeATensorIsTouched(string written, string now, string because)
    {
        var checkpoint = Write(written);
        using var replica = Create(now, seed: 2);
        var before = WeightsHash.OfAll(replica.State);
        var error = Assert.Throws<CheckpointException>(() => CheckpointStore.Load(checkpoint, replica));
        Assert.Contains(because, error.Message, StringComparison.Ordinal);
        Assert.Contains(checkpoint.Directory, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, WeightsHash.OfAll(replica.State));
    }

    [Fact]
    public void Checkpoint_WithoutAScalarOfTheReplica_IsRefusedByName()
    {
        var checkpoint = Write("one");
        using var replica = Create("one");
        replica.State.Scalars["updates"] = 0;
        Assert.Contains("tells no 'updates'", Assert.Throws<CheckpointException>(() => CheckpointStore.Load(checkpoint, replica)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../words.txt")]
    [InlineData(".words")]
    [InlineData("")]
    public void Asset_ThatIsNoPlainFile_IsRefusedAtOnce(string name)
    {
        var error = Assert.Throws<ArgumentException>(() => new ReplicaState([], new Dictionary<string, byte[]> { [name] = [] }));
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run.json")]
    [InlineData("model.safetensors")]
    public void Asset_WithTheNameOfAFileOfEveryCheckpoint_IsRefusedBeforeTheFirst(string name)
    {
        using var writer = new CheckpointWriter(new(directory), keep: 1, _ => { }, _ => { });
        var error = Assert.Throws<ArgumentException>(() => writer.Prepare(new([], new Dictionary<string, byte[]> { [name] = [] })));
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
        writer.Complete();
    }

    [Fact]
    public unsafe void Memory_OfTiedTensors_IsCountedOnce()
    {
        using var memory = new NativeFloats(30);
        var state = new ReplicaState(
        [
            new("encoder", [2, 5], StateKind.Model, memory.Pointer),
            new("decoder", [2, 5], StateKind.Model, memory.Pointer),
            new("adam.mean", [20], StateKind.Training, memory.Pointer + 10),
        ]);
        Assert.Equal((120, 40), (state.MemoryBytes(), state.MemoryBytes(StateKind.Model)));
    }

    private static RunSpec Spec(string asset) => new() { RunId = "points", Output = "/runs/points", Task = "points", Settings = new Dictionary<string, string> { ["asset"] = asset } };

    private static ITrainingReplica Create(string asset, ulong seed = 1) => new PointsTask().CreateReplica(Spec(asset) with { Seed = seed });

    private Checkpoint Write(string asset)
    {
        using var replica = Create(asset);
        return new CheckpointStore(directory).Write(replica.State, CheckpointTests.Manifest(Spec(asset), replica, step: 1, score: 1));
    }
}
