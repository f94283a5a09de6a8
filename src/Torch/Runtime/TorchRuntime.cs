using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Granary.Training;
using Granary.Training.Wording;
using TorchSharp;

namespace Granary.Torch.Runtime;

/// <summary>
/// Process-wide settings of libtorch and of the C allocator, made once before the first tensor. Those that change bits
/// are listed in <see cref="Switches"/> and travel with every run.
/// </summary>
public static partial class TorchRuntime
{
    // libtorch's at::Float32Backend, at::Float32Op and at::Float32Precision.
    private const int OneDnn = 2, Matmul = 3, Medium = 3;
    private static readonly Lazy<IReadOnlyDictionary<string, string>> configured = new(Configure);
    private static readonly List<string> remarks = [];
    private static long uncounted;

    [ThreadStatic]
    private static bool isAlone;

    /// <summary>What is in force; the first call puts it in force. Keys: threads, matmul, vectors, libtorch.</summary>
    public static IReadOnlyDictionary<string, string> Switches => configured.Value;

    /// <summary>How much memory cuBLAS may take, and in how many pieces: only with a fixed size does it always add in one order.</summary>
    internal const string CublasWorkspace = ":4096:2";

    /// <summary>TorchSharp's version.</summary>
    public static string Version { get; } = typeof(torch).Assembly.GetName().Version!.ToString(3);

    /// <summary>What this machine lacks, a sentence each: it makes training slower or changes bits, but is no reason to stop.</summary>
    public static IReadOnlyList<string> Remarks
    {
        get
        {
            _ = Switches;
            return remarks;
        }
    }

    /// <summary>Asks libtorch what of <see cref="Switches"/> is in force on the calling thread, as far as it tells. Empty: all that is; else a sentence each.</summary>
    public static IReadOnlyList<string> ReadBack()
    {
        var matmul = Switches["matmul"];
        UseOneThread();
        List<string> faults = [];
        if (torch.get_num_threads() is not 1 and var threads)
        {
            faults.Add($"libtorch computes with {threads} threads, not 1.");
        }
        var (context, precision) = (LibtorchExport.Find("_ZN2at13globalContextEv"), LibtorchExport.Find("_ZNK2at7Context16float32PrecisionENS_14Float32BackendENS_9Float32OpE"));
        unsafe
        {
            if (matmul == "onednn" && context != 0 && precision != 0
                && ((delegate* unmanaged<nint, int, int, int>)precision)(((delegate* unmanaged<nint>)context)(), OneDnn, Matmul) is not Medium and var set)
            {
                faults.Add($"libtorch's precision of oneDNN's products is {set}, not {Medium}.");
            }
        }
        return faults;
    }

    /// <summary>Tensors of this process that have not been disposed.</summary>
    public static long LiveTensors => torch.Tensor.TotalCount - Interlocked.Read(ref uncounted);

    /// <summary>
    /// Has the calling thread compute alone. libtorch's own functions see to it themselves; oneDNN goes by OpenMP, which knows it only where one of those
    /// came before, and would cut sums in as many parts as there are cores.
    /// </summary>
    internal static void UseOneThread()
    {
        if (!isAlone)
        {
            torch.set_num_threads(1);
            isAlone = true;
        }
    }

    /// <summary>Leaves this many tensors out of the count: they are gone, but TorchSharp still counts them.</summary>
    internal static void DoNotCount(int tensors) => Interlocked.Add(ref uncounted, tensors);

    private static IReadOnlyDictionary<string, string> Configure()
    {
        if (!OperatingSystem.IsLinux() || !KeepFreedMemory())
        {
            remarks.Add("The C library has no mallopt as glibc has: large tensors are mapped anew in every step, which can take up to 40 % of it.");
        }
        var strict = OperatingSystem.IsLinux() && Avx2.IsSupported && MakeMklStrict();
        _ = OperatingSystem.IsLinux() && SetEnvironmentVariable("CUBLAS_WORKSPACE_CONFIG", CublasWorkspace, overwrite: 1) == 0;
        Load();
        // Before the first backward: without it, CUDA would be out of reach for the whole process.
        _ = Libtorch.Gpus;
        if (typeof(torch).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true })
        {
            remarks.Add("TorchSharp may free a number while libtorch reads it, which fails a step once in a great while: reference the package Granary.App, which makes its assembly keep it.");
        }
        return new Dictionary<string, string>
        {
            ["threads"] = "1",
            ["matmul"] = UseOneDnnMatmul() ? "onednn" : strict ? "mkl-avx2-strict" : "default",
            ["vectors"] = $"{Processor.VectorBits}",
            ["libtorch"] = Libtorch.Version ?? Libtorch.Expected,
        };
    }

    private static void Load()
    {
        try
        {
            UseOneThread();
        }
        catch (TypeInitializationException error)
        {
            throw new UserErrorException(
                "libtorch cannot be loaded. A program of one's own references the package Granary.App, which brings that of Linux x64 and makes TorchSharp's own library fit "
                + "systems as old as Debian 12 and Ubuntu 22.04; with TorchBackend cuda or none it brings its own. With --verbose it is told what was tried.", error);
        }
    }

    /// <summary>
    /// By itself glibc maps and unmaps every block above 32 MiB, and the page faults of fresh blocks cost up to 40 % of a step.
    /// With this, freed memory stays with the process.
    /// </summary>
    private static bool KeepFreedMemory()
    {
        const int TrimThreshold = -1, TopPad = -2, MmapMax = -4, ArenaMax = -8;
        try
        {
            return SetMallocOption(MmapMax, 0) == 1
                && SetMallocOption(TrimThreshold, int.MaxValue) == 1
                && SetMallocOption(TopPad, 64 << 20) == 1
                && SetMallocOption(ArenaMax, 1) == 1;
        }
        catch (EntryPointNotFoundException)
        {
            return false; // musl has no mallopt
        }
    }

    /// <summary>
    /// MKL's products depend on where in memory the factors happen to lie, on processors without AVX-512 at least, unless it
    /// is told to be strict before it is loaded. .NET's own environment does not reach native libraries.
    /// </summary>
    private static bool MakeMklStrict() => SetEnvironmentVariable("MKL_CBWR", "AVX2,STRICT", overwrite: 1) == 0;

    /// <summary>
    /// Lets oneDNN multiply 32-bit matrices (libtorch's precision "medium"), about twice as fast as the default where
    /// AVX-512 is there and AMX is not; with AMX it would round to bfloat16, so the default stays. TorchSharp does not
    /// surface the switch; libtorch exports it.
    /// </summary>
    private static bool UseOneDnnMatmul()
    {
        var (context, setPrecision) = (LibtorchExport.Find("_ZN2at13globalContextEv"), LibtorchExport.Find("_ZN2at7Context19setFloat32PrecisionENS_14Float32BackendENS_9Float32OpENS_16Float32PrecisionE"));
        if (!Vector512.IsHardwareAccelerated || !OperatingSystem.IsLinux() || File.ReadAllText("/proc/cpuinfo").Contains("amx_tile", StringComparison.Ordinal))
        {
            return false;
        }
        if (context == 0 || setPrecision == 0)
        {
            remarks.Add("This libtorch does not export at::Context::setFloat32Precision under the name of libtorch 2.10: matrix products stay with MKL, at about half the speed of oneDNN on this processor.");
            return false;
        }
        unsafe
        {
            ((delegate* unmanaged<nint, int, int, int, void>)setPrecision)(((delegate* unmanaged<nint>)context)(), OneDnn, Matmul, Medium);
        }
        return true;
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetMallocOption(int option, int value);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironmentVariable(string name, string value, int overwrite);
}
