using System.Runtime.InteropServices;
using Granary.Testing;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

/// <summary>What the C library has handed out, which counts the memory that libtorch holds outside tensors, too.</summary>
public partial class MemoryTests
{
    private const int Steps = 600, Most = 5 * Steps, Window = 200;

    // What leaks grows between any two looks; what the runtime takes for itself, as for code
    // that it compiles anew, comes to an end. Not a small object a step:
    private const long Slack = 32 * Window;

    [Theory]
    [InlineData("cnn batch=8 maps=16 hidden=8 size=16")]
    [InlineData("dcgan batch=4 maps=4 size=16 latent=8")]
    [InlineData("sentiment model=rnn cell=gru batch=4 embedding=8 hidden=8")]
    [InlineData("elmo batch=4 bptt=5 width=8 vocabulary=100 valid-words=500")]
    [InlineData("seq2seq batch=4 embedding=8 hidden=8 longest=9")]
    [InlineData("gpt batch=2 context=9 layers=2 heads=2 width=16 dropout=0.1")]
    [InlineData("bert batch=2 context=9 layers=2 heads=2 width=16 dropout=0.1")]
    [InlineData("lm batch=4 bptt=5 embedding=16 hidden=16 valid-words=500")]
    public void Memory_OverHundredsOfSteps_IsFlat(string line) => IsFlat(line);

    [LongTheory]
    [InlineData("resnet batch=4 width=4 size=8")]
    [InlineData("style-network size=16 maps=2 blocks=1 batch=2")]
    public void MemoryOfDeepNetworks_OverHundredsOfSteps_IsFlat(string line) => IsFlat(line);

    private static void IsFlat(string line)
    {
        var words = line.Split(' ');
        var spec = new TrainingSpec
        {
            Task = words[0],
            Shards = 1,
            Steps = Most,
            Settings = words[1..].Select(setting => setting.Split('=')).Append(["validate-every", $"{Most}"]).ToDictionary(pair => pair[0], pair => pair[1]),
        };
        using var training = new Lockstep(TaskCatalog.Of(typeof(TwoLayer).Assembly)[words[0]], spec).Run(Window);
        var (tensors, before, least) = (Lockstep.LiveTensors, InUse(), long.MaxValue);
        while (training.Step < Steps || (least > Slack && training.Step < Most))
        {
            training.Run(Window);
            var now = InUse();
            (least, before) = (Math.Min(least, now - before), now);
        }
        Assert.Equal(tensors, Lockstep.LiveTensors);
        Assert.InRange(least, long.MinValue, Slack);
    }

    private static long InUse()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var info = MallInfo();
        return (long)(info.InUse + info.Mapped);
    }

    // glibc 2.33 and later.
    [LibraryImport("libc", EntryPoint = "mallinfo2")]
    private static partial Memory MallInfo();

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Memory(nuint Arena, nuint FreeBlocks, nuint FastBlocks, nuint MappedBlocks, nuint Mapped, nuint HighWater, nuint Fast, nuint InUse, nuint Free, nuint Top);
}
