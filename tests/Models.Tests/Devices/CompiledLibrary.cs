using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Granary.Models.Tests.Devices;

/// <summary>A stand-in for a library of NVIDIA's, compiled once a test run.</summary>
public abstract class CompiledLibrary : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    /// <param name="source">Its file in C, in this folder or below.</param>
    protected CompiledLibrary(string source)
    {
        Path = System.IO.Path.Combine(folder, $"lib{System.IO.Path.GetFileNameWithoutExtension(source)}-standin.so");
        using var compiler = Process.Start(new ProcessStartInfo("cc", ["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", Path, System.IO.Path.Combine(Here(), source)]) { RedirectStandardError = true })!;
        var said = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        if (compiler.ExitCode != 0)
        {
            throw new InvalidOperationException(said);
        }
    }

    public string Path { get; }

    public void Dispose()
    {
        Directory.Delete(folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private static string Here([CallerFilePath] string file = "") => System.IO.Path.GetDirectoryName(file)!;
}
