using System.Runtime.InteropServices;

namespace Granary.Training.Numerics;

/// <summary>
/// Floats outside the managed heap, 64-byte aligned, zero at first; freed on disposal or when collected. Large blocks lie on large pages
/// where the system has them to give: their first touch is many times faster, and walks through them miss the TLB less.
/// </summary>
public sealed unsafe partial class NativeFloats : IDisposable
{
    private const int LargePage = 2 << 20, CacheLine = 64, AdviseLargePages = 14;
    private float* pointer;

    public NativeFloats(int length)
    {
        Length = length;
        var bytes = (nuint)Math.Max(1, length) * sizeof(float);
        var isLarge = bytes >= LargePage && OperatingSystem.IsLinux();
        pointer = (float*)NativeMemory.AlignedAlloc(bytes, isLarge ? LargePage : (nuint)CacheLine);
        if (isLarge)
        {
            // Advice: a kernel that does not take it changes nothing.
            _ = Advise(pointer, bytes, AdviseLargePages);
        }
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

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
