using System.Runtime.InteropServices;

namespace Granary.Training.Numerics;

/// <summary>
/// Floats outside the managed heap, 64-byte aligned, zero at first; freed on disposal or when collected. Large blocks lie on large pages
/// where the system has them to give: their first touch is many times faster, and walks through them miss the TLB less.
/// </summary>
public sealed unsafe partial class NativeFloats : IDisposable
{
    private const int LargePage = 2 << 20, CacheLine = 64, AdviseLargePages = 14;

    // Blocks that all began at the same place within a page would contend for the same lines of the cache, and a store to
    // one of them would hold up loads from another: each begins elsewhere.
    private const int Colours = 16, ColourBytes = 256;
    private static uint made;
    private void* block;
    private float* pointer;

    /// <summary>So many floats, all zero.</summary>
    public NativeFloats(long length)
    {
        Length = length;
        var bytes = (nuint)Math.Max(1, length) * sizeof(float);
        if (bytes >= LargePage && OperatingSystem.IsLinux())
        {
            block = NativeMemory.AlignedAlloc(bytes + Colours * ColourBytes, LargePage);
            pointer = (float*)((byte*)block + Interlocked.Increment(ref made) % Colours * ColourBytes);
            // Advice: a kernel that does not take it changes nothing.
            _ = Advise(block, bytes, AdviseLargePages);
        }
        else
        {
            block = NativeMemory.AlignedAlloc(bytes, CacheLine);
            pointer = (float*)block;
        }
        NativeMemory.Clear(pointer, bytes);
    }

    /// <summary>Frees what nobody has disposed.</summary>
    ~NativeFloats() => Free();

    /// <summary>How many floats there are.</summary>
    public long Length { get; }

    /// <summary>The first of them.</summary>
    public float* Pointer => pointer;

    /// <exception cref="OverflowException">They are more than a span can hold, 2^31 - 1.</exception>
    public Span<float> Span => new(pointer, checked((int)Length));

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(block);
        block = pointer = null;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
