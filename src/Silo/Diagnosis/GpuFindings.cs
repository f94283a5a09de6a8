using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
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

    public static unsafe Finding Nccl()
    {
        const string Subject = "NCCL";
        var named = EnvironmentVariable.Read(EnvironmentVariable.Nccl);
        if (!NativeLibrary.TryLoad(named ?? "libnccl.so.2", out var library))
        {
            return named is null
                ? new(Subject, "not found (only needed between GPUs)")
                : Finding.Break(Subject, $"{named} ({EnvironmentVariable.Nccl}) cannot be loaded", $"Name the file of NCCL 2, or unset {EnvironmentVariable.Nccl}.");
        }
        try
        {
            int version;
            return !NativeLibrary.TryGetExport(library, "ncclGetVersion", out var function) ? Finding.Break(Subject, $"{named ?? "libnccl.so.2"} has no ncclGetVersion", "Name the file of NCCL 2.")
                : ((delegate* unmanaged<int*, int>)function)(&version) is not 0 and var result ? Finding.Break(Subject, $"does not tell its version: error {result}", "Install it anew.")
                : new(Subject, NcclVersion(version));
        }
        finally
        {
            NativeLibrary.Free(library);
        }
    }

    /// <summary>From 2.9 on the major version stands a digit further to the left.</summary>
    internal static string NcclVersion(int version) => version < 10_000
        ? $"{version / 1000}.{version / 100 % 10}.{version % 100}"
        : $"{version / 10_000}.{version / 100 % 100}.{version % 100}";

    internal static string VersionIn(string text) => Version().Match(text) is { Success: true } found ? found.Value : "of an unknown version";

    [GeneratedRegex(@"\b\d+\.\d+(\.\d+)?\b")]
    private static partial Regex Version();
}
