using System.Runtime.Intrinsics;

namespace Granary.Training.Numerics;

/// <summary>Converts between float and bfloat16 (the upper half of a float's bits), with the same bits on every machine.</summary>
public static unsafe class VectorBFloat16
{
    private const int Lanes = 32;
    private const ushort NaN = 0x7FC0;

    /// <summary>Exact.</summary>
    public static void Widen(ushort* rounded, float* into, int length)
    {
        var bits = (uint*)into;
        var i = 0;
        for (; i <= length - Lanes; i += Lanes)
        {
            var (lower, upper) = Vector512.Widen(Vector512.Load(rounded + i));
            (lower << 16).Store(bits + i);
            (upper << 16).Store(bits + i + Lanes / 2);
        }
        for (; i < length; i++)
        {
            bits[i] = (uint)rounded[i] << 16;
        }
    }

    /// <summary>values += addend.</summary>
    public static void Add(float* values, ushort* addend, long length)
    {
        long i = 0;
        for (; i <= length - Lanes; i += Lanes)
        {
            var (lower, upper) = Vector512.Widen(Vector512.Load(addend + i));
            (Vector512.Load(values + i) + (lower << 16).AsSingle()).Store(values + i);
            (Vector512.Load(values + i + Lanes / 2) + (upper << 16).AsSingle()).Store(values + i + Lanes / 2);
        }
        for (; i < length; i++)
        {
            values[i] += BitConverter.UInt32BitsToSingle((uint)addend[i] << 16);
        }
    }

    /// <summary>Rounds to the nearest, or to the one whose last bit is 0 if two are equally near; NaN stays NaN.</summary>
    public static void Round(float* values, ushort* into, int length)
    {
        var i = 0;
        for (; i <= length - Lanes; i += Lanes)
        {
            Vector512.Narrow(UpperHalf(Vector512.Load(values + i)), UpperHalf(Vector512.Load(values + i + Lanes / 2))).Store(into + i);
        }
        for (; i < length; i++)
        {
            into[i] = (ushort)UpperHalf(Vector512.CreateScalar(values[i])).ToScalar();
        }
    }

    private static Vector512<uint> UpperHalf(Vector512<float> values)
    {
        var bits = values.AsUInt32();
        var nearest = (bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One)) >> 16;
        return Vector512.ConditionalSelect(Vector512.Equals(values, values).AsUInt32(), nearest, Vector512.Create((uint)NaN));
    }
}
