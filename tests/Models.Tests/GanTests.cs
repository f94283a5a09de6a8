using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Granary.Testing;
using Granary.Torch;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

public class GanTests
{
    private const int Discriminate = 0, Generate = 1;

    [Theory]
    [InlineData(Discriminate, "discriminator.", "generator.")]
    [InlineData(Generate, "generator.", "discriminator.")]
    public void Phase_ChangesItsOwnNetworkAlone(int phase, string changed, string unchanged)
    {
        using var replica = Create();
        var before = Copy(replica);
        Repeat(replica, phase, steps: 1);
        var after = Copy(replica);
        Assert.All(before.Keys.Where(name => name.StartsWith(changed, StringComparison.Ordinal)), name => Assert.NotEqual(before[name], after[name]));
        Assert.All(before.Keys.Where(name => name.StartsWith(unchanged, StringComparison.Ordinal)), name => Assert.Equal(before[name], after[name]));
    }

    [Theory]
    [InlineData(Discriminate, "loss.discriminator", 0.2)]
    [InlineData(Generate, "loss.generator", 0.3)]
    public void Player_AgainstOneThatStandsStill_LearnsToWin(int phase, string loss, double below)
    {
        using var replica = Create();
        var metrics = Repeat(replica, phase, steps: 80);
        Assert.True(metrics[loss] < below, $"{loss} {metrics[loss]}");
    }

    [Theory]
    [InlineData(Discriminate)]
    [InlineData(Generate)]
    public void Player_CountsItsOwnUpdates(int phase)
    {
        using ITrainingReplica early = Create(), late = Create();
        using var frame = early.CreateFrame(phase);
        early.ComputeGradients(new(0, phase, Shard: 0), frame);
        early.Apply(phase, step: 0, frame, []);
        late.Apply(phase, step: 9, frame, []);
        Assert.Equal(Copy(early), Copy(late));
        Assert.Equal([0, 1], late.State.Scalars.Where(scalar => scalar.Key.EndsWith(".updates", StringComparison.Ordinal)).Select(scalar => scalar.Value).Order());
    }

    // At any one step either player may be ahead, and which one depends on the processor's last bits: only the course counts.
    [Fact]
    public void Training_OnGlyphs_KeepsBothPlayersInTheGame()
    {
        using var driver = new Lockstep(LearnerTask.Of<Gan>(), new TrainingSpec { Task = "gan", Shards = 2 });
        var course = Enumerable.Range(0, 15).Select(_ =>
        {
            driver.Run(10);
            return (Accuracy: driver.Evaluate()["validation.accuracy"], Real: driver.Metrics["score.real"], Fake: driver.Metrics["score.fake"]);
        }).ToList();
        Assert.All(course, at => Assert.InRange(at.Fake, 0.05, 0.95));
        Assert.True(course.Average(at => at.Real) > course.Average(at => at.Fake));
        Assert.InRange(course.Max(at => at.Accuracy), 0.6, 1);
    }

    [Fact]
    public void Samples_AreDueAtTheEndOfAnEpochOrEverySoManySteps()
    {
        using var byEpoch = Create();
        Assert.True(byEpoch.SamplesDue(byEpoch.StepsPerEpoch - 1));
        Assert.False(byEpoch.SamplesDue(byEpoch.StepsPerEpoch));
        using var bySteps = Create(("samples-every", "10"));
        Assert.Equal([9, 19, 29], Enumerable.Range(0, 30).Where(step => bySteps.SamplesDue(step)));
    }

    [Fact]
    public void Samples_AreAGridOf64InAPngFile()
    {
        using var folder = new TemporaryFolder();
        using var replica = Create();
        replica.WriteSamples(folder.Path, step: 599);
        var png = File.ReadAllBytes(Path.Combine(folder.Path, "step-00000600.png"));
        Assert.Equal([0x89, .. "PNG\r\n"u8, 0x1A, .. "\n"u8], png[..8]);
        var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));
        Assert.Equal((8 * 30 + 2, 8 * 30 + 2), (width, height));
        Assert.Equal(height * (width + 1), Unpacked(png).Length);
        Assert.Equal(png, ((IPictureGenerator)replica.Model).Draw(64, seed: 1));
        Assert.NotEqual(png, ((IPictureGenerator)replica.Model).Draw(64, seed: 2));
    }

    [Fact]
    public unsafe void Gradient_ThatIsNotFinite_LeavesTheWeightsAlone()
    {
        using var replica = Create();
        using var frame = replica.CreateFrame(Generate);
        replica.ComputeGradients(new(0, Generate, 0), frame);
        frame.Values[7] = float.NaN;
        var before = Copy(replica);
        Assert.Throws<NonFiniteException>(() => replica.Apply(Generate, 0, frame, []));
        Assert.All(before, tensor => Assert.Equal(tensor.Value, Copy(replica)[tensor.Key]));
    }

    private static ITrainingReplica Create(params (string Name, string Value)[] settings) => LearnerTask.Of<Gan>().CreateReplica(
        new() { Task = "gan", Shards = 1, Settings = settings.ToDictionary(setting => setting.Name, setting => setting.Value) });

    private static Metrics Repeat(ITrainingReplica replica, int phase, int steps)
    {
        using var frame = replica.CreateFrame(phase);
        var metrics = new Metrics();
        for (var step = 0; step < steps; step++)
        {
            replica.ComputeGradients(new(step, phase, Shard: 0), frame);
            replica.Apply(phase, step, frame, metrics);
        }
        return metrics;
    }

    private static Dictionary<string, float[]> Copy(ITrainingReplica replica) =>
        replica.State.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Values.ToArray());

    /// <summary>The pixel data of a PNG file, each row after a byte that names its filter.</summary>
    private static byte[] Unpacked(byte[] png)
    {
        using var packed = new MemoryStream();
        for (var at = 8; at < png.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            if (Encoding.ASCII.GetString(png, at + 4, 4) == "IDAT")
            {
                packed.Write(png, at + 8, length);
            }
            at += length + 12;
        }
        packed.Position = 0;
        using var unpacked = new MemoryStream();
        using var zlib = new ZLibStream(packed, CompressionMode.Decompress);
        zlib.CopyTo(unpacked);
        return unpacked.ToArray();
    }
}
