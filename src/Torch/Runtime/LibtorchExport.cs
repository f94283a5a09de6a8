using System.Runtime.InteropServices;
using TorchSharp;

namespace Granary.Torch.Runtime;

/// <summary>
/// C++ functions that libtorch exports and TorchSharp does not surface. Their mangled names belong to one version of
/// libtorch, so each is looked up, and whoever wants it decides what to do without.
/// </summary>
internal static class LibtorchExport
{
    /// <returns>The function's address, or 0: this libtorch has none of that name.</returns>
    /// <param name="library">Default: the processor's part of libtorch, which has all but what is CUDA's.</param>
    public static nint Find(string mangled, string library = "libtorch_cpu.so") =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad(library, typeof(torch).Assembly, null, out var loaded)
        && NativeLibrary.TryGetExport(loaded, mangled, out var function) ? function : 0;
}
