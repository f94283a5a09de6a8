using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Granary.Torch.Operations.Products;

/// <summary>Some floats of a row, side by side in registers.</summary>
internal unsafe interface IColumns<TSelf> where TSelf : struct, IColumns<TSelf>
{
    static abstract int Count { get; }

    static abstract TSelf Load(float* from);

    void Store(float* into);

    /// <summary>These and <paramref name="right"/> times <paramref name="left"/>, rounded once.</summary>
    TSelf Add(float left, TSelf right);
}

/// <summary>For processors whose vectors have eight floats, or less, and are few.</summary>
internal readonly unsafe struct EightColumns(Vector256<float> values) : IColumns<EightColumns>
{
    private readonly Vector256<float> values = values;

    public static int Count => Vector256<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightColumns Load(float* from) => new(Vector256.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* into) => values.Store(into);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EightColumns Add(float left, EightColumns right) => new(Vector256.FusedMultiplyAdd(Vector256.Create(left), right.values, values));
}

/// <summary>One vector of sixteen floats.</summary>
internal readonly unsafe struct SixteenColumns(Vector512<float> values) : IColumns<SixteenColumns>
{
    private readonly Vector512<float> values = values;

    public static int Count => Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenColumns Load(float* from) => new(Vector512.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* into) => values.Store(into);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixteenColumns Add(float left, SixteenColumns right) => new(Vector512.FusedMultiplyAdd(Vector512.Create(left), right.values, values));
}

/// <summary>Two of them.</summary>
internal readonly unsafe struct ThirtyTwoColumns(Vector512<float> low, Vector512<float> high) : IColumns<ThirtyTwoColumns>
{
    private readonly Vector512<float> low = low, high = high;

    public static int Count => 2 * Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThirtyTwoColumns Load(float* from) => new(Vector512.Load(from), Vector512.Load(from + Vector512<float>.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* into)
    {
        low.Store(into);
        high.Store(into + Vector512<float>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ThirtyTwoColumns Add(float left, ThirtyTwoColumns right)
    {
        var value = Vector512.Create(left);
        return new(Vector512.FusedMultiplyAdd(value, right.low, low), Vector512.FusedMultiplyAdd(value, right.high, high));
    }
}

/// <summary>Three of them.</summary>
internal readonly unsafe struct FortyEightColumns(Vector512<float> low, Vector512<float> middle, Vector512<float> high) : IColumns<FortyEightColumns>
{
    private readonly Vector512<float> low = low, middle = middle, high = high;

    public static int Count => 3 * Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FortyEightColumns Load(float* from) => new(Vector512.Load(from), Vector512.Load(from + Vector512<float>.Count), Vector512.Load(from + 2 * Vector512<float>.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* into)
    {
        low.Store(into);
        middle.Store(into + Vector512<float>.Count);
        high.Store(into + 2 * Vector512<float>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FortyEightColumns Add(float left, FortyEightColumns right)
    {
        var value = Vector512.Create(left);
        return new(Vector512.FusedMultiplyAdd(value, right.low, low), Vector512.FusedMultiplyAdd(value, right.middle, middle), Vector512.FusedMultiplyAdd(value, right.high, high));
    }
}
