using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Granary.Training;

/// <summary>What this process computes on.</summary>
public static class Processor
{
    private const string Information = "/proc/cpuinfo";

    /// <summary>As its maker calls it, or its architecture where the system does not tell.</summary>
    public static string Name { get; } = Read();

    /// <summary>The width of the vectors that .NET computes with: 128, 256 or 512 bits.</summary>
    public static int VectorBits => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    /// <summary>Its name, the cores that this process may use, and the width of vectors.</summary>
    public static string Summary { get; } = $"{Name}, {Environment.ProcessorCount} cores, {VectorBits}-bit vectors";

    private static string Read()
    {
        var line = File.Exists(Information)
            ? File.ReadLines(Information).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? $"{RuntimeInformation.ProcessArchitecture}";
    }
}
