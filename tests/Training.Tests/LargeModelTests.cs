using Granary.Training.Checkpoints;
using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

/// <summary>A model of three billion parameters is counted, not made.</summary>
public sealed unsafe class LargeModelTests : IDisposable
{
    private const long Parameters = 3_000_000_000;
    private readonly string folder = Directory.CreateTempSubdirectory("granary-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void State_KnowsItsLengthAndItsMemory()
    {
        var state = new ReplicaState([new("weight", [60_000, 50_000], StateKind.Model, (float*)64), new("adam.mean", [Parameters], StateKind.Training, (float*)128)]);
        Assert.All(state.Tensors, tensor => Assert.Equal(Parameters, tensor.Length));
        Assert.Equal(2 * 4 * Parameters, state.MemoryBytes());
        Assert.Throws<OverflowException>(() => state.Tensors[0].Values.Length);
        Assert.Equal(7, state.Tensors[0].Part(Parameters - 7, 7).Length);
    }

    [Fact]
    public void Frame_HasItsScalarsBehindItsValues()
    {
        var frame = new Frame(null, Parameters, scalars: 2);
        Assert.Equal(Parameters + 2 + ShardLedger.Slots + 1, frame.Size);
        Assert.Equal((2, ShardLedger.Slots), (frame.Scalars.Length, frame.Shards.Length));
        fixed (float* scalars = frame.Scalars)
        {
            Assert.Equal(4 * Parameters, (long)scalars);
        }
        Assert.Equal("step 1, phase 0, 3000000006 floats", new SumHeader(1, 0, frame.Size).ToString());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void Slices_CoverAllOfIt(int parts)
    {
        var slices = Enumerable.Range(0, parts).Select(part => Slice.Aligned(Parameters, part, parts)).ToList();
        Assert.Equal(0, slices[0].Start);
        Assert.All(slices.Zip(slices.Skip(1)), pair => Assert.Equal(pair.First.Start + pair.First.Count, pair.Second.Start));
        Assert.Equal(Parameters, slices[^1].Start + slices[^1].Count);
        Assert.All(slices, slice => Assert.InRange(slice.Count, Parameters / parts - 16, Parameters / parts + 16));
    }

    [Fact]
    public void File_IsListedWithItsLength()
    {
        var path = Path.Combine(folder, "model.safetensors");
        using (var file = File.Create(path))
        {
            var header = System.Text.Encoding.UTF8.GetBytes($$$"""{"weight":{"dtype":"F32","shape":[60000,50000],"data_offsets":[0,{{{4 * Parameters}}}]}}""");
            file.Write(BitConverter.GetBytes((long)header.Length));
            file.Write(header);
            file.SetLength(8 + header.Length + 4 * Parameters); // sparse: it takes no room
        }
        var tensor = Assert.Single(Safetensors.List(path));
        Assert.Equal((Parameters, 4 * Parameters), (tensor.Count, tensor.Bytes));
    }
}
