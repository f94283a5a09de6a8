using System.Runtime.InteropServices;
using Granary.Torch.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public sealed class LibtorchTests
{
    private static readonly string binding = Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so");

    [Fact]
    public void Version_IsThatOfTheFileThatIsLoaded()
    {
        Assert.Equal("2.10.0", Libtorch.Version);
        Assert.Equal("2.10.0", TorchRuntime.Switches["libtorch"]);
        Assert.Equal(Path.Combine(AppContext.BaseDirectory, "libtorch_cpu.so"), Libtorch.Location);
    }

    [Theory]
    [InlineData(0x020A_0000_0000_0000, "2.10.0")]
    [InlineData(0x030B_0C00_0000_0001, "3.11.12")]
    public void Numbers_OfAVersion_AreItsFirstBytes(ulong version, string numbers) => Assert.Equal(numbers, Libtorch.Numbers(version));

    [Fact]
    public void Symbols_OfThisLibtorch_AreAllThere() => Assert.Equal([], Libtorch.MissingSymbols()!);

    [Fact]
    public void Symbols_OfOtherLibraries_AreMissed()
    {
        var missing = Libtorch.MissingSymbols(binding, [NativeLibrary.Load("libm.so.6")]);
        Assert.Contains("_ZN2at4_ops4neg_4callERNS_6TensorE", missing);
        Assert.Contains("_ZN3c1019UndefinedTensorImpl10_singletonE", missing);
        Assert.InRange(missing.Count, 1_000, 2_000);
        // What comes from the C and C++ libraries is not libtorch's matter.
        Assert.DoesNotContain(missing, name => name.StartsWith("_ZNSt", StringComparison.Ordinal) || !name.StartsWith("_Z", StringComparison.Ordinal));
        Assert.True(missing.Count > Libtorch.MissingSymbols(binding, [NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, "libc10.so"))]).Count);
    }

    [Fact]
    public void Library_ThatIsCutOff_IsRefused()
    {
        var whole = File.ReadAllBytes(binding);
        Assert.NotEmpty(ElfSymbols.Wanted(whole));
        Assert.All(new[] { 0, 3, 16, 100, whole.Length / 2, whole.Length - 1 }, length => Assert.Throws<InvalidDataException>(() => ElfSymbols.Wanted(whole.AsSpan(0, length))));
        Assert.Throws<InvalidDataException>(() => ElfSymbols.Wanted(File.ReadAllBytes(typeof(torch).Assembly.Location)));
    }

    [Fact]
    public void Switches_AreInForce() => Assert.Equal([], TorchRuntime.ReadBack());

    [Fact]
    public void SmokeTest_FindsNoFault_AndLeavesNoTensors()
    {
        var before = TorchRuntime.LiveTensors;
        Assert.Equal([], SmokeTest.Faults());
        Assert.Equal(before, TorchRuntime.LiveTensors);
    }

    [Theory]
    [InlineData(1.001f, 1L, "sum: the result in 32 bits is 0.001 off that in 64 bits.")]
    [InlineData(float.NaN, 1L, "sum: the result in 32 bits is NaN off that in 64 bits.")]
    [InlineData(1f, 2L, "sum: the result is Float32 [2], not Float32 [1].")]
    public void Result_ThatIsWrong_IsTold(float value, long length, string fault)
    {
        using var scope = NewDisposeScope();
        Assert.Equal([fault], SmokeTest.Compare("sum", type => [("result", type == ScalarType.Float32 ? full(length, value) : ones(1, dtype: type))]));
    }
}
