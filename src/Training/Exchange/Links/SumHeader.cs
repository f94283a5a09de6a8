using System.Runtime.InteropServices;

namespace Granary.Training.Exchange.Links;

/// <summary>Goes before a process's first block of a sum: all must be at the same place.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal readonly record struct SumHeader(long Step, int Phase, long Size)
{
    /// <summary>A cache line, so that what follows stays aligned.</summary>
    public const int Bytes = 64;

    public override string ToString() => $"step {Step}, phase {Phase}, {Size} floats";
}
