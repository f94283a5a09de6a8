using System.Diagnostics;

namespace Granary.Cluster.Tests;

/// <summary>Runs the granary program as a user would.</summary>
internal static partial class CommandLine
{
    public static readonly string Program = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "granary.exe" : "granary");

    private static readonly TimeSpan patience = TimeSpan.FromMinutes(5);

    public static Task<CommandResult> RunProcessAsync(params string[] arguments) => RunProcessAsync([], arguments);

    /// <param name="environment">Variables besides those of this process.</param>
    public static async Task<CommandResult> RunProcessAsync(IEnumerable<(string Name, string Value)> environment, params string[] arguments)
    {
        using var process = Start(Program, arguments, environment);
        return await EndAsync(process);
    }

    // A shell that runs the tests in the background lets its children ignore SIGINT, and nohup SIGHUP.
    public static Process Start(params string[] arguments) => Start("env", ["--default-signal=INT,HUP", Program, .. arguments]);

    public static Process Start(string program, string[] arguments, IEnumerable<(string Name, string Value)>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in environment ?? [])
        {
            start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }

    public static async Task<CommandResult> EndAsync(Process process)
    {
        using var timeout = new CancellationTokenSource(patience);
        var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
        var error = process.StandardError.ReadToEndAsync(timeout.Token);
        await process.WaitForExitAsync(timeout.Token);
        return new(process.ExitCode, await output, await error);
    }
}

internal sealed record CommandResult(int ExitCode, string Output, string Error);
