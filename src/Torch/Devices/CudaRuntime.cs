using System.Runtime.InteropServices;
using Granary.Torch.Runtime;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>The process-wide settings of libtorch for GPUs: kernels that give the same bits every time, and none other.</summary>
internal static unsafe class CudaRuntime
{
    // at::Context's own setters, which TorchSharp surfaces as errors or not at all.
    private static readonly (string Function, bool Value)[] settings =
    [
        ("_ZN2at7Context39setDeterministicFillUninitializedMemoryEb", false),
        ("_ZN2at7Context21setDeterministicCuDNNEb", true),
        ("_ZN2at7Context17setBenchmarkCuDNNEb", false),
        ("_ZN2at7Context21setSDPUseMemEfficientEb", false),
        ("_ZN2at7Context14setSDPUseCuDNNEb", false),
    ];

    private const string Deterministic = "_ZN2at7Context26setDeterministicAlgorithmsEbb";
    private static readonly Lazy<IReadOnlyList<string>> applied = new(Apply);

    /// <summary>Puts the settings in force, once.</summary>
    /// <returns>Functions that this libtorch does not export: without them the bits are not promised.</returns>
    public static IReadOnlyList<string> Configure() => applied.Value;

    public static IReadOnlyDictionary<string, string> SwitchesOf(int number)
    {
        var gpu = CudaDriver.Describe(number);
        return new Dictionary<string, string>
        {
            [DeviceName.Switch] = gpu?.Name ?? "unknown",
            ["capability"] = gpu?.Capability ?? "unknown",
            ["multiprocessors"] = $"{gpu?.Multiprocessors ?? 0}",
            ["cuda"] = VersionOf("libcudart", "cudaRuntimeGetVersion", CudaVersion),
            ["cudnn"] = VersionOf("libcudnn.", "cudnnGetVersion", CudnnVersion),
            ["cublas"] = VersionOf("libcublas.", "cublasGetProperty", CublasVersion),
            ["cublas-workspace"] = TorchRuntime.CublasWorkspace,
            ["deterministic"] = Configure().Count == 0 ? "on" : "partly",
        };
    }

    private static IReadOnlyList<string> Apply()
    {
        var context = LibtorchExport.Find("_ZN2at13globalContextEv");
        var missing = settings.Select(setting => setting.Function).Prepend(Deterministic).Where(function => LibtorchExport.Find(function) == 0).ToList();
        if (context == 0)
        {
            return [.. missing, "_ZN2at13globalContextEv"];
        }
        var at = ((delegate* unmanaged<nint>)context)();
        // What has no deterministic form fails, and is not warned of only.
        if (LibtorchExport.Find(Deterministic) is not 0 and var deterministic)
        {
            ((delegate* unmanaged<nint, byte, byte, void>)deterministic)(at, 1, 0);
        }
        foreach (var (function, value) in settings)
        {
            if (LibtorchExport.Find(function) is not 0 and var set)
            {
                ((delegate* unmanaged<nint, byte, void>)set)(at, value ? (byte)1 : (byte)0);
            }
        }
        (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = (false, false);
        return missing;
    }

    /// <summary>By a library's own word; found among those that are loaded, whose names may have been changed.</summary>
    private static string VersionOf(string library, string function, Func<nint, string> ask) =>
        Libtorch.Mapped(name => name.StartsWith(library, StringComparison.Ordinal)) is { } path && NativeLibrary.TryLoad(path, out var loaded) && NativeLibrary.TryGetExport(loaded, function, out var address)
            ? ask(address)
            : "unknown";

    private static string CudaVersion(nint function)
    {
        int version;
        return ((delegate* unmanaged<int*, int>)function)(&version) == 0 ? $"{version / 1000}.{version % 1000 / 10}" : "unknown";
    }

    private static string CudnnVersion(nint function) => $"{((delegate* unmanaged<nuint>)function)()}";

    // libraryPropertyType: major, minor, patch.
    private static string CublasVersion(nint function)
    {
        var numbers = stackalloc int[3];
        for (var part = 0; part < 3; part++)
        {
            if (((delegate* unmanaged<int, int*, int>)function)(part, numbers + part) != 0)
            {
                return "unknown";
            }
        }
        return $"{numbers[0]}.{numbers[1]}.{numbers[2]}";
    }
}
