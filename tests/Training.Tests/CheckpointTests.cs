using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Granary.Tests.Fakes;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Numerics;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

public sealed class CheckpointTests : IDisposable
{
    private static readonly RunSpec spec = new() { RunId = "points", Output = "/runs/points", Task = "points", Shards = 3, Steps = 12 };
    private readonly string directory = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public unsafe void Safetensors_ByteByByte_AreAsTheFormatSays()
    {
        using var memory = new NativeFloats(3);
        (memory.Span[0], memory.Span[1], memory.Span[2]) = (1, -2, 0.5f);
        using var stream = new MemoryStream();
        Safetensors.Write(stream, [new("b", [1, 2], StateKind.Model, memory.Pointer), new("a", [], StateKind.Model, memory.Pointer + 2)]);
        var header = """{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}""";
        var padded = header.PadRight((header.Length + 7) / 8 * 8);
        byte[] expected =
        [
            .. BitConverter.GetBytes((long)padded.Length), .. Encoding.ASCII.GetBytes(padded),
            0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f,
        ];
        Assert.Equal(expected, stream.ToArray());
    }

    [Fact]
    public void WeightsHash_RecomputedFromTheFile_IsTheManifests()
    {
        var checkpoint = TrainTo(3);
        var bytes = File.ReadAllBytes(checkpoint.ModelPath);
        var headerLength = (int)BitConverter.ToInt64(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(8, headerLength));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in header.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__").OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            var shape = tensor.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
            var offsets = tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt32()).ToArray();
            hash.AppendData([.. Encoding.UTF8.GetBytes(tensor.Name), 0, .. BitConverter.GetBytes((long)shape.Length), .. shape.SelectMany(BitConverter.GetBytes)]);
            hash.AppendData(bytes, 8 + headerLength + offsets[0], offsets[1] - offsets[0]);
        }
        Assert.Equal(Convert.ToHexStringLower(hash.GetHashAndReset()), checkpoint.Manifest.WeightsSha256);
    }

    [Fact]
    public void Run_StoppedSavedAndResumed_EndsLikeOneNeverStopped()
    {
        var interrupted = TrainTo(5);
        Assert.Equal(Train(0, 12, null).Manifest.WeightsSha256, Train(5, 12, interrupted).Manifest.WeightsSha256);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("optimizer.safetensors")]
    [InlineData("run.json")]
    public void Checkpoint_WithOneByteChanged_IsNamedAndTheOneBeforeIsUsed(string file)
    {
        TrainTo(4);
        var path = Path.Combine(TrainTo(8).Directory, file);
        var length = (int)new FileInfo(path).Length;
        foreach (var position in new[] { 0, length / 3, length / 2, length - 2 })
        {
            Flip(path, position);
            var skipped = new List<string>();
            var latest = new CheckpointStore(directory).Latest(damage => skipped.Add(damage.Message));
            Assert.Equal(4, latest!.Manifest.Step);
            Assert.Contains(path, Assert.Single(skipped));
            Flip(path, position);
        }
        Assert.Equal(8, new CheckpointStore(directory).Latest()!.Manifest.Step);
    }

    [Fact]
    public void Checkpoint_WrittenInPart_IsNotSeen()
    {
        TrainTo(4);
        Directory.CreateDirectory(Path.Combine(directory, "checkpoints", ".partial-00000009"));
        Assert.Equal([4L], new CheckpointStore(directory).Steps());
    }

    [Fact]
    public void Checkpoint_OfOtherSettings_IsRefusedByTensorAndShape()
    {
        var checkpoint = TrainTo(2);
        using var other = new PointsTask().CreateReplica(spec with { Settings = new Dictionary<string, string> { ["size"] = "999" } });
        var error = Assert.Throws<CheckpointException>(() => CheckpointStore.Load(checkpoint, other));
        Assert.Contains("'weights' as F32 [1000], wanted is F32 [999]", error.Message);
    }

    [Fact]
    public void Writer_KeepsTheNewestAndTheBest()
    {
        RunFolder.Take(directory, spec.RunId, isNew: true, TimeProvider.System).Dispose();
        using var replica = new PointsTask().CreateReplica(spec);
        var outcomes = new List<CheckpointOutcome>();
        using (var writer = new CheckpointWriter(new(directory), keep: 2, outcomes.Add, _ => { }))
        {
            foreach (var (step, score) in new[] { (1, 5.0), (2, 1.0), (3, 4.0), (4, 3.0), (5, 2.0) })
            {
                writer.Begin(replica.State, Manifest(spec, replica, step, score));
                writer.Complete();
            }
        }
        Assert.Equal([5L, 4L, 2L], new CheckpointStore(directory).Steps());
        Assert.Equal(2, new CheckpointStore(directory).Best()!.Manifest.Step);
        Assert.All(outcomes, outcome => Assert.Null(outcome.Failure));
    }

    [Fact]
    public void Writer_CopyingWhileTheNextStepIsComputed_WritesTheStatesOfTheStepBoundaries()
    {
        using var replica = new PointsTask().CreateReplica(spec);
        using var writer = new CheckpointWriter(new(directory), keep: 12, _ => { }, _ => { });
        var recorder = new CopyingRecorder(replica, writer);
        using (var loop = new TrainingLoop(replica, new(0, spec.Shards), spec.Shards))
        {
            loop.Run(new(0), new SoloExchange(), recorder, new());
        }
        writer.Complete();
        Assert.Equal(recorder.Hashes, new CheckpointStore(directory).All().Reverse().ToDictionary(checkpoint => checkpoint.Manifest.Step, checkpoint => checkpoint.Manifest.WeightsSha256));
        Assert.Equal(12, recorder.Hashes.Count);
    }

    [Fact]
    public unsafe void Writer_WhoseCopyWasWaitedFor_WritesTheStateAsItWasAtItsBegin()
    {
        using var memory = new NativeFloats(16 << 20);
        memory.Span.Fill(1);
        var state = new ReplicaState([new("weight", [memory.Length], StateKind.Model, memory.Pointer)]);
        var expected = WeightsHash.Of(state);
        using var replica = new PointsTask().CreateReplica(spec);
        using var writer = new CheckpointWriter(new(directory), keep: 1, _ => { }, _ => { });
        writer.Begin(state, Manifest(spec, replica, 1, 1));
        writer.WaitForCopy();
        memory.Span.Fill(2);
        writer.Complete();
        Assert.Equal(expected, new CheckpointStore(directory).Latest()!.Manifest.WeightsSha256);
    }

    [Fact]
    public void Writer_WhenTheDirectoryCannotBeWritten_ReportsAndGoesOn()
    {
        using var replica = new PointsTask().CreateReplica(spec);
        File.WriteAllText(Path.Combine(directory, "checkpoints"), "in the way");
        var outcomes = new List<CheckpointOutcome>();
        using (var writer = new CheckpointWriter(new(directory), keep: 2, outcomes.Add, _ => { }))
        {
            writer.Begin(replica.State, Manifest(spec, replica, 1, 1));
            writer.Complete();
        }
        Assert.IsAssignableFrom<IOException>(Assert.Single(outcomes).Failure);
    }

    [Fact]
    public void History_OfARunThatGoesBack_ForgetsWhatIsRepeated()
    {
        var history = new RunHistory(directory, from: 0, totalSteps: 10);
        for (var step = 1; step <= 8; step++)
        {
            history.Add(step, new() { ["loss"] = step }, remarkable: false);
        }
        history.Flush();
        File.AppendAllText(Path.Combine(directory, RunHistory.FileName), """{"Step":9,"Metr""");
        _ = new RunHistory(directory, from: 5, totalSteps: 10);
        Assert.Equal([1L, 2, 3, 4, 5], RunHistory.Read(directory).Select(point => point.Step));
    }

    /// <summary>A checkpoint a step, each written before the next is made; its copy is waited for at the last moment.</summary>
    private sealed class CopyingRecorder(ITrainingReplica replica, CheckpointWriter writer) : IStepObserver
    {
        public Dictionary<long, string> Hashes { get; } = [];

        public void Applying(long step, int phase)
        {
            if (phase == 0 && step > 0)
            {
                Assert.Equal(Hashes[step], WeightsHash.Of(replica.State));
                writer.WaitForCopy();
            }
        }

        public void StepCommitted(long step, Metrics metrics, StepTimes times)
        {
            writer.Complete();
            Hashes[step] = WeightsHash.Of(replica.State);
            writer.Begin(replica.State, Manifest(spec, replica, step, 1));
        }
    }

    private static void Flip(string path, int position)
    {
        using var stream = File.Open(path, FileMode.Open);
        stream.Position = position;
        var value = stream.ReadByte();
        stream.Position = position;
        stream.WriteByte((byte)(value ^ 1));
    }

    private Checkpoint TrainTo(long steps) => Train(0, steps, null);

    private Checkpoint Train(long from, long steps, Checkpoint? start)
    {
        using var replica = new PointsTask().CreateReplica(spec with { Steps = steps });
        if (start is not null)
        {
            CheckpointStore.Load(start, replica);
        }
        using var loop = new TrainingLoop(replica, new(0, spec.Shards), spec.Shards);
        loop.Run(new(from), new SoloExchange(), new Unobserved(), new());
        return new CheckpointStore(directory).Write(replica.State, Manifest(spec, replica, steps, 1));
    }

    internal static CheckpointManifest Manifest(RunSpec spec, ITrainingReplica replica, long step, double score) =>
        CheckpointManifest.Of(spec, replica, step) with { Metrics = new() { [replica.Measure.Metric] = score } };

    private sealed class Unobserved : IStepObserver
    {
        public void StepCommitted(long step, Metrics metrics, StepTimes times)
        {
        }
    }
}
