namespace Granary.Cluster.Tests;

/// <summary>The sample of a program of somebody's own: its own silo, with all commands, and the same bits.</summary>
public sealed class OwnModelTests : IDisposable
{
    private static readonly string program = Path.Combine(Repository.Root, "samples", "OwnModel", "bin", "Release", "net10.0", OperatingSystem.IsWindows() ? "own-model.exe" : "own-model");
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task OwnModel_OnWorkersAndProcesses_HasTheSameWeights()
    {
        var alone = await TrainAsync("--workers", "1");
        Assert.Equal(alone, await TrainAsync("--workers", "3", "--processes", "2"));

        var run = Path.Combine(folder, "1");
        var measured = await RunAsync("evaluate", run);
        Assert.Contains("validation.accuracy", measured.Output, StringComparison.Ordinal);
        Assert.Equal(measured.Output, (await RunAsync("evaluate", run, "--workers", "4")).Output);

        var foreign = await CommandLine.RunAsync("evaluate", run);
        Assert.Contains("No training task is named 'digits'. Known: bert, cnn", foreign.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OwnModel_IsListedBesideTheBuiltInOnes()
    {
        Assert.Equal(Names((await CommandLine.RunAsync("tasks")).Output).Append("digits").Order(StringComparer.Ordinal), Names((await RunAsync("tasks")).Output));

        using var misused = CommandLine.Start(program, ["trian", "digits"]);
        Assert.StartsWith("own-model: own-model has no command 'trian'. Did you mean train?", (await CommandLine.EndAsync(misused)).Error, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Names(string tasks) => tasks.Split('\n').Select(line => line.Split(' ')[0]).Where(name => name.Length > 0);

    private async Task<string> TrainAsync(params string[] how)
    {
        var run = Path.Combine(folder, $"{Directory.GetDirectories(folder).Length + 1}");
        var trained = await RunAsync(["train", "digits", "--steps", "12", "--set", "batch=30", "--out", run, .. how]);
        return trained.Output.Split('\n').Single(line => line.StartsWith("weights", StringComparison.Ordinal));
    }

    private static async Task<CommandResult> RunAsync(params string[] arguments)
    {
        using var process = CommandLine.Start(program, arguments);
        var result = await CommandLine.EndAsync(process);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }
}
