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
    public static nint Find(string mangled) =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad("libtorch_cpu.so", typeof(torch).Assembly, null, out var library)
        && NativeLibrary.TryGetExport(library, mangled, out var function) ? function : 0;
}
