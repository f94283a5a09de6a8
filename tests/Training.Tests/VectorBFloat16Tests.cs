using Granary.Training.Numerics;

namespace Granary.Training.Tests;

public sealed unsafe class VectorBFloat16Tests
{
    // Neither a multiple of the vector width nor below it: the first value is rounded in a vector, the last one alone.
    private const int Length = 37;

    [Theory]
    [InlineData(0x3F80_0000u, 0x3F80)]
    [InlineData(0x3F80_7FFFu, 0x3F80)]
    [InlineData(0x3F80_8000u, 0x3F80)]
    [InlineData(0x3F80_8001u, 0x3F81)]
    [InlineData(0x3F81_8000u, 0x3F82)]
    [InlineData(0xBF81_8000u, 0xBF82)]
    [InlineData(0x8000_0000u, 0x8000)]
    [InlineData(0x0000_8001u, 0x0001)]
    [InlineData(0x7F7F_FFFFu, 0x7F80)]
    [InlineData(0xFF80_0000u, 0xFF80)]
    [InlineData(0x7FFF_FFFFu, 0x7FC0)]
    [InlineData(0xFF80_0001u, 0x7FC0)]
    public void Round_GivesTheNearestOrTheEvenOneOfTwoAndKeepsNaN(uint bits, int expected)
    {
        float* values = stackalloc float[Length];
        ushort* rounded = stackalloc ushort[Length];
        new Span<float>(values, Length).Fill(BitConverter.UInt32BitsToSingle(bits));
        VectorBFloat16.Round(values, rounded, Length);
        Assert.All(new Span<ushort>(rounded, Length).ToArray(), one => Assert.Equal(expected, one));
    }

    [Fact]
    public void Widen_IsExactAndKeepsTheOrder()
    {
        ushort* rounded = stackalloc ushort[Length];
        float* values = stackalloc float[Length], again = stackalloc float[Length];
        for (var i = 0; i < Length; i++)
        {
            values[i] = i - 18;
        }
        VectorBFloat16.Round(values, rounded, Length);
        VectorBFloat16.Widen(rounded, again, Length);
        Assert.Equal(new Span<float>(values, Length).ToArray(), new Span<float>(again, Length).ToArray());
    }

    [Fact]
    public void Add_AddsWhatWidenGives()
    {
        ushort* addend = stackalloc ushort[Length];
        float* values = stackalloc float[Length];
        for (var i = 0; i < Length; i++)
        {
            (values[i], addend[i]) = (0.1f * i, (ushort)(0x3F80 + i));
        }
        var expected = Enumerable.Range(0, Length).Select(i => 0.1f * i + BitConverter.UInt32BitsToSingle((uint)(0x3F80 + i) << 16)).ToArray();
        VectorBFloat16.Add(values, addend, Length);
        Assert.Equal(expected, new Span<float>(values, Length).ToArray());
    }
}
