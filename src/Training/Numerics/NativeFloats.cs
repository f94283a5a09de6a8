using System.Runtime.InteropServices;

namespace Granary.Training.Numerics;

/// <summary>Floats outside the managed heap, 64-byte aligned, zero at first; freed on disposal or when collected.</summary>
public sealed unsafe class NativeFloats : IDisposable
{
    private float* pointer;

    public NativeFloats(int length)
    {
        Length = length;
        pointer = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, length) * sizeof(float), 64);
        Span.Clear();
    }

    ~NativeFloats() => Free();

    public int Length { get; }

    public float* Pointer => pointer;

    public Span<float> Span => new(pointer, Length);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(pointer);
        pointer = null;
    }
}
