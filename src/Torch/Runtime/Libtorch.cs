using System.Runtime.InteropServices;
using TorchSharp;

namespace Granary.Torch.Runtime;

/// <summary>The libtorch that this process computes with: not always the one that TorchSharp was built for.</summary>
public static unsafe class Libtorch
{
    /// <summary>The version that TorchSharp was built for.</summary>
    internal const string Expected = "2.10.0";

    private const string Binding = "libLibTorchSharp.so", Core = "libtorch_cpu.so", Mappings = "/proc/self/maps";
    private static readonly string[] libraries = ["libtorch.so", Core, "libc10.so", "libtorch_cuda.so"];

    // Mangled: the namespaces at, c10, torch and caffe2.
    private static readonly string[] namespaces = ["2at", "3c10", "5torch", "6caffe2"];

    /// <summary>By its own word. <see langword="null"/>: it does not tell.</summary>
    public static string? Version => LibtorchExport.Find("aoti_torch_abi_version") is not 0 and var function ? Numbers(((delegate* unmanaged<ulong>)function)()) : null;

    /// <summary>The file it was loaded from. <see langword="null"/>: it is not loaded, or the system does not tell.</summary>
    public static string? Location => Mapped(Core);

    /// <summary>The GPUs that it can use.</summary>
    public static int Gpus => torch.cuda.is_available() ? torch.cuda.device_count() : 0;

    /// <summary>
    /// What TorchSharp's native library wants of libtorch and this one has not. A missing variable fails when the library is loaded; a
    /// missing function ends the process, but only when it is called.
    /// </summary>
    /// <returns>Mangled names; <see langword="null"/>: there is nothing to read them from.</returns>
    /// <exception cref="InvalidDataException">TorchSharp's native library cannot be understood.</exception>
    public static IReadOnlyList<string>? MissingSymbols()
    {
        var binding = Mapped(Binding) ?? Path.Combine(AppContext.BaseDirectory, Binding);
        return Load(Core) is not 0 && File.Exists(binding) ? MissingSymbols(binding, [.. libraries.Select(Load).Where(library => library != 0)]) : null;
    }

    /// <param name="loaded">Handles; what a library depends on counts as its own.</param>
    internal static IReadOnlyList<string> MissingSymbols(string binding, IReadOnlyList<nint> loaded) =>
        [.. ElfSymbols.Wanted(File.ReadAllBytes(binding)).Where(IsOfLibtorch).Where(name => !loaded.Any(library => NativeLibrary.TryGetExport(library, name, out _)))];

    /// <param name="version">As aoti_torch_abi_version tells it: a byte for each number, the major one first.</param>
    internal static string Numbers(ulong version) => $"{version >> 56}.{version >> 48 & 0xff}.{version >> 40 & 0xff}";

    private static nint Load(string library) => NativeLibrary.TryLoad(library, typeof(torch).Assembly, null, out var loaded) ? loaded : 0;

    private static bool IsOfLibtorch(string name) => name.StartsWith("_Z", StringComparison.Ordinal) && namespaces.Any(part => name.Contains(part, StringComparison.Ordinal));

    /// <summary>The file of a library that is loaded.</summary>
    /// <param name="isIt">Tells it by its file's name.</param>
    internal static string? Mapped(Func<string, bool> isIt) => File.Exists(Mappings)
        ? File.ReadLines(Mappings).Where(line => line.Contains('/', StringComparison.Ordinal)).Select(line => line[line.IndexOf('/', StringComparison.Ordinal)..]).FirstOrDefault(path => isIt(Path.GetFileName(path)))
        : null;

    private static string? Mapped(string library) => Mapped(name => name == library);
}
