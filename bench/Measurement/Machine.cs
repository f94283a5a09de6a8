using System.Runtime.InteropServices;
using Granary.Training;

namespace Granary.Bench.Measurement;

/// <summary>What a figure was measured on.</summary>
internal static class Machine
{
    public static string Name { get; } = $"{Processor.Summary}, {RuntimeInformation.OSDescription}";
}
