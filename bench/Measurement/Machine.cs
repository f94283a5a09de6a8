using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Granary.Bench.Measurement;

/// <summary>What a figure was measured on.</summary>
internal static class Machine
{
    public static string Name { get; } = $"{Processor()}, {Environment.ProcessorCount} cores, {VectorBits()}-bit vectors, {RuntimeInformation.OSDescription}";

    private static string Processor()
    {
        const string File = "/proc/cpuinfo";
        var line = System.IO.File.Exists(File)
            ? System.IO.File.ReadLines(File).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? $"{RuntimeInformation.ProcessArchitecture}";
    }

    private static int VectorBits() => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;
}
