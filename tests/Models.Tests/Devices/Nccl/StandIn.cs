using System.Diagnostics;
using System.Runtime.CompilerServices;
using Granary.Torch.Devices.Nccl;

namespace Granary.Models.Tests.Devices.Nccl;

/// <summary>A library with NCCL's functions for processes of one machine, compiled once a test run.</summary>
public sealed class StandIn : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public StandIn()
    {
        Path = System.IO.Path.Combine(folder, "libnccl-standin.so");
        using var compiler = Process.Start(new ProcessStartInfo("cc", ["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", Path, Source()]) { RedirectStandardError = true })!;
        var said = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        Library = compiler.ExitCode == 0 ? new(Path) : throw new InvalidOperationException(said);
    }

    public string Path { get; }

    internal NcclLibrary Library { get; }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static string Source([CallerFilePath] string here = "") => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(here)!, "standin.c");
}
