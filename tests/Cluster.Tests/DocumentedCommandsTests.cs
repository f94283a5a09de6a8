using System.Diagnostics;

namespace Granary.Cluster.Tests;

/// <summary>Commands in the documentation are commands that work: a page's blocks marked <c>console</c> are run one after the other, in an empty folder, and none may fail.</summary>
public sealed class DocumentedCommandsTests : IDisposable
{
    private const string Language = "console";
    private const string InOneShell = """trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT; set -e; . ./commands""";
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public static TheoryData<string> Pages => Documentation.PagesWith(Language);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Commands_OfAPage_Succeed(string page)
    {
        await File.WriteAllLinesAsync(Path.Combine(folder, "commands"), Documentation.BlocksOf(page, Language).SelectMany(block => block.Text));
        var start = new ProcessStartInfo("bash", ["-c", InOneShell]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{Path.GetDirectoryName(CommandLine.Program)}:{Environment.GetEnvironmentVariable("PATH")}";
        using var shell = Process.Start(start)!;
        var result = await CommandLine.EndAsync(shell);
        Assert.True(result.ExitCode == 0, $"{page}: {result.Error}\n{result.Output}");
    }
}
