using System.Text.RegularExpressions;
using Granary.Torch.Devices.Nccl;
using Granary.Training;

namespace Granary.Silo.Diagnosis;

/// <summary>Graphics processors, their driver, and the library by which they exchange.</summary>
internal static partial class GpuFindings
{
    private const string DriverFile = "/proc/driver/nvidia/version";

    /// <summary><see langword="null"/>: there is none.</summary>
    public static string? Driver => File.Exists(DriverFile) ? VersionIn(File.ReadAllText(DriverFile)) : null;

    public static Finding Gpus(int count, string? driver) => (count, driver) switch
    {
        (0, null) => new("GPUs", "none"),
        (0, _) => Finding.Warn("GPUs", $"none that this libtorch can use, though there is NVIDIA's driver {driver}", "Build with CUDA's libtorch: -p:TorchBackend=cuda."),
        _ => new("GPUs", $"{count}{(driver is null ? "" : $", driver {driver}")}"),
    };

    public static Finding Nccl() => Nccl(InstalledNccl.Version(out var fault), fault);

    internal static Finding Nccl(string? version, string? fault) => (version, fault) switch
    {
        (not null, _) => new("NCCL", version),
        (_, not null) => Finding.Break("NCCL", fault, $"Name the file of NCCL 2.18 or later in {EnvironmentVariable.Nccl}, or unset it."),
        _ => new("NCCL", "not found (only needed between GPUs)"),
    };

    internal static string VersionIn(string text) => Version().Match(text) is { Success: true } found ? found.Value : "of an unknown version";

    [GeneratedRegex(@"\b\d+\.\d+(\.\d+)?\b")]
    private static partial Regex Version();
}
