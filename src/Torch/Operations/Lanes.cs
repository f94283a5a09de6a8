using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Granary.Torch.Operations;

/// <summary>Sixteen floats at a time, whatever the machine's vectors are, and the rest of a row that is no multiple of it.</summary>
internal static unsafe class Lanes
{
    public const int Count = 16;

    /// <summary>How many of a row's values fill all lanes.</summary>
    public static int Whole(int length) => length & -Count;

    /// <summary>Those that are there; 0 in place of the others. Where the count is the constant <see cref="Count"/>, it is a plain load.</summary>
    /// <param name="count">How many are left of the row; more than <see cref="Count"/> are left alone.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* from, int count) => count >= Count ? Vector512.Load(from)
        : Avx512F.IsSupported ? Avx512F.MaskLoad(from, First(count), Vector512<float>.Zero)
        : LoadRest(from, count);

    /// <inheritdoc cref="Load"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> values, float* into, int count)
    {
        if (count >= Count)
        {
            values.Store(into);
        }
        else if (Avx512F.IsSupported)
        {
            Avx512F.MaskStore(into, First(count), values);
        }
        else
        {
            StoreRest(values, into, count);
        }
    }

    /// <summary>Adds them to those that are there.</summary>
    /// <inheritdoc cref="Load" path="/param"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(Vector512<float> values, float* to, int count) => Store(Load(to, count) + values, to, count);

    /// <summary>In a fixed order: halves onto each other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> values)
    {
        var eight = values.GetLower() + values.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        return four[0] + four[2] + (four[1] + four[3]);
    }

    /// <summary>The largest; a NaN may be missed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> values)
    {
        var eight = Vector256.MaxNative(values.GetLower(), values.GetUpper());
        var four = Vector128.MaxNative(eight.GetLower(), eight.GetUpper());
        return Math.Max(Math.Max(four[0], four[1]), Math.Max(four[2], four[3]));
    }

    /// <summary>All bits in the first lanes, none in the others.</summary>
    public static Vector512<float> First(int count) => Vector512.LessThan(Vector512<float>.Indices, Vector512.Create((float)count));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<float> LoadRest(float* from, int count)
    {
        var values = stackalloc float[Count];
        new Span<float>(values, Count).Clear();
        new ReadOnlySpan<float>(from, count).CopyTo(new(values, Count));
        return Vector512.Load(values);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreRest(Vector512<float> values, float* into, int count)
    {
        var all = stackalloc float[Count];
        values.Store(all);
        new ReadOnlySpan<float>(all, count).CopyTo(new(into, count));
    }
}
