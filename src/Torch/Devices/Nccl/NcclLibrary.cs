using System.Globalization;
using System.Runtime.InteropServices;
using Granary.Training;

namespace Granary.Torch.Devices.Nccl;

/// <summary>NCCL has refused something, or a peer is gone. The message says what, and in NCCL's words why.</summary>
internal sealed class NcclException(string message) : Exception(message);

/// <summary>By what the ranks of a communicator find each other.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal readonly struct NcclId;

/// <summary>NVIDIA's library for exchange between GPUs. All functions are of one file.</summary>
internal sealed unsafe class NcclLibrary
{
    // From 2.18 on a communicator that does not block can be given up at any time.
    private const int Oldest = 21800, Success = 0, InProgress = 7;
    private readonly nint library;
    private readonly string path;

    /// <exception cref="NcclException">The file cannot be loaded, is another library's, or is too old.</exception>
    public NcclLibrary(string path)
    {
        this.path = path;
        if (!NativeLibrary.TryLoad(path, typeof(TorchSharp.torch).Assembly, null, out library))
        {
            throw new NcclException($"{path} cannot be loaded.");
        }
        int version;
        Check("ncclGetVersion", ((delegate* unmanaged<int*, int>)this["ncclGetVersion"])(&version));
        if (version < Oldest)
        {
            throw new NcclException($"{path} is NCCL {Text(version)}, and 2.18 is the oldest that will do.");
        }
        Version = Text(version);
    }

    /// <summary>Such as 2.28.9.</summary>
    public string Version { get; }

    /// <summary>A function.</summary>
    /// <exception cref="NcclException">The library has none of the name.</exception>
    public nint this[string function] => NativeLibrary.TryGetExport(library, function, out var address) ? address : throw new NcclException($"{path} has no function {function}: is it NCCL?");

    /// <summary>What is named in <c>GRANARY_NCCL</c>, or else the system's, or that within libtorch; <see langword="null"/>: there is none.</summary>
    /// <exception cref="NcclException">It is of no use.</exception>
    public static NcclLibrary? Find()
    {
        string[] candidates = EnvironmentVariable.Read(EnvironmentVariable.Nccl) is { } named ? [named] : ["libnccl.so.2", "libtorch_cuda.so"];
        var found = candidates.FirstOrDefault(candidate => candidates.Length == 1 || NativeLibrary.TryLoad(candidate, typeof(TorchSharp.torch).Assembly, null, out _));
        return found is null ? null : new(found);
    }

    /// <summary>For the ranks of a new communicator.</summary>
    public NcclId CreateId()
    {
        NcclId id;
        Check("ncclGetUniqueId", ((delegate* unmanaged<NcclId*, int>)this["ncclGetUniqueId"])(&id));
        return id;
    }

    /// <returns>Whether it is done; if not, it will be.</returns>
    /// <exception cref="NcclException">It has failed.</exception>
    public bool Check(string what, int result) => result is Success or InProgress
        ? result == Success
        : throw new NcclException($"{what}: {Marshal.PtrToStringUTF8(((delegate* unmanaged<int, nint>)this["ncclGetErrorString"])(result))} (NCCL's result {result}).");

    // From 2.9 on the major version stands a digit further to the left.
    internal static string Text(int version) => version < 10_000
        ? string.Create(CultureInfo.InvariantCulture, $"{version / 1000}.{version / 100 % 10}.{version % 100}")
        : string.Create(CultureInfo.InvariantCulture, $"{version / 10_000}.{version / 100 % 100}.{version % 100}");
}
