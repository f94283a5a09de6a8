using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Granary.Training.Checkpoints;

namespace Granary.Cluster.Tests;

public sealed class CommandLineTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Train_WithASummary_TellsScriptsWhatItTellsPeople()
    {
        var summaryPath = Path.Combine(folder, "summary.json");
        var trained = await CommandLine.RunProcessAsync("train", "two-layer", "--steps", "20", "--workers", "2", "--out", In("run"), "--summary", summaryPath);
        Assert.Equal((0, ""), (trained.ExitCode, trained.Error));
        using var summary = JsonDocument.Parse(File.ReadAllText(summaryPath));
        foreach (var name in new[] { "task", "steps", "workers", "processes", "shards", "seed", "weights_sha256", "seconds", "samples_per_second", "metrics", "rounds", "switches" })
        {
            Assert.True(summary.RootElement.TryGetProperty(name, out _), $"The summary has no {name}.");
        }
        var hash = summary.RootElement.GetProperty("weights_sha256").GetString();
        Assert.Contains(hash!, trained.Output);
        Assert.Equal(hash, new CheckpointStore(In("run")).Latest()!.Manifest.WeightsSha256);

        var shown = await CommandLine.RunAsync("show", In("run"));
        Assert.Contains("complete: 20 steps", shown.Output);
        Assert.Contains(hash!, shown.Output);
        var inspected = await CommandLine.RunAsync("inspect", new CheckpointStore(In("run")).Latest()!.ModelPath);
        Assert.Contains("output.weight", inspected.Output, StringComparison.Ordinal);
        Assert.Contains("4 tensors, 101,110 values, 404,440 bytes", inspected.Output, StringComparison.Ordinal);
        var evaluated = await CommandLine.RunAsync("evaluate", In("run"));
        Assert.Contains("loss ", evaluated.Output);
        Assert.Equal(0, evaluated.ExitCode);
    }

    [Theory]
    [InlineData("No training task is named 'lmm'. Known: ", "train", "lmm")]
    [InlineData("Task 'two-layer' has no setting 'hiden'. It has: autocast, batch, ", "train", "two-layer", "--set", "hiden=3")]
    [InlineData("Setting 'hidden' cannot be 'wide': it takes whole number, 1 to 65536. Default: 100.", "train", "two-layer", "--set", "hidden=wide")]
    [InlineData("--set hidden is not of the form key=value.", "train", "two-layer", "--set", "hidden")]
    [InlineData("'workers' cannot be '0': it takes 1 to 4", "train", "two-layer", "--workers", "0")]
    [InlineData("'workers' cannot be '5': it takes 1 to 4: a worker needs a shard at least.", "train", "two-layer", "--workers", "5")]
    [InlineData("--processes 3 is more than --workers 2", "train", "two-layer", "--processes", "3")]
    [InlineData("'epochs' cannot be 'NaN': it takes a number above 0", "train", "two-layer", "--epochs", "NaN")]
    [InlineData("'epochs' cannot be 'Infinity': it takes a number above 0", "train", "two-layer", "--epochs", "Infinity")]
    [InlineData("--summary /dev/null/s.json cannot be written", "train", "two-layer", "--summary", "/dev/null/s.json")]
    [InlineData("granary train needs TASK (What to train; see: granary tasks). See: granary train --help", "train")]
    [InlineData("granary train has no option --setps. Did you mean --steps?", "train", "two-layer", "--setps", "3")]
    [InlineData("granary show has no option --vebose. Did you mean --verbose?", "show", "--vebose")]
    [InlineData("granary has no command 'trian'. Did you mean train?", "trian", "two-layer")]
    [InlineData("granary data needs a command: list, get.", "data")]
    [InlineData("--steps cannot be 'many': it takes a whole number.", "train", "two-layer", "--steps", "many")]
    [InlineData("--steps is given 2 times.", "train", "two-layer", "--steps", "1", "--steps", "2")]
    [InlineData("RUNDIR must not be empty.", "show", "")]
    [InlineData("--out must not be empty.", "train", "two-layer", "--out", "")]
    [InlineData("granary tasks does not take 'x'.", "tasks", "lm", "x")]
    [InlineData("No training task is named '@words'.", "tasks", "@words")]
    [InlineData("--summary is of no use without --wait.", "submit", "two-layer", "--summary", "s.json", "--out", "/runs/x")]
    [InlineData("--keep is for a run directory, and 'first' is a run of a cluster or not there", "resume", "first", "--keep", "5")]
    [InlineData("How many workers? granary scale first N", "scale", "first", "--server", "http://127.0.0.1:1")]
    [InlineData("There are no data at ", "train", "two-layer", "--data", "/nowhere/text8")]
    [InlineData("--out /dev/null/run cannot be written", "train", "two-layer", "--out", "/dev/null/run")]
    [InlineData("No whole checkpoint lies in /nowhere", "resume", "/nowhere")]
    [InlineData("No whole checkpoint lies in /nowhere", "show", "/nowhere")]
    [InlineData("There is no configuration file /nowhere.json", "silo", "--config", "/nowhere.json")]
    [InlineData("Waited 10 s for Redis at 127.0.0.1:1 (Granary:Cluster:Redis): it does not take connections.", "train", "two-layer", "--processes", "2", "--redis", "127.0.0.1:1")]
    [InlineData("The server does not answer", "list", "--server", "http://127.0.0.1:1")]
    [InlineData("--server nonsense is no address such as", "list", "--server", "nonsense")]
    public async Task Command_ThatCannotBeDone_SaysWhyInOneLineAndFails(string message, params string[] arguments)
    {
        var result = await CommandLine.RunAsync([.. arguments, .. arguments[0] == "train" && !arguments.Contains("--out") ? ["--out", In("run")] : Array.Empty<string>()]);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(message, result.Error);
        Assert.Single(result.Error.Trim().Split('\n'));
        Assert.DoesNotContain("   at ", result.Error);
    }

    [Fact]
    public async Task Error_WithVerbose_ShowsItsOrigin()
    {
        var result = await CommandLine.RunAsync("train", "lmm", "--verbose");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("   at Granary.", result.Error);
    }

    [Fact]
    public async Task Train_WhoseOutputCannotBeWritten_SaysSoAndSucceeds()
    {
        using var process = CommandLine.Start("sh", ["-c", "exec \"$0\" \"$@\" > /dev/full", CommandLine.Program, "train", "two-layer", "--steps", "20", "--out", In("run")]);
        var trained = await CommandLine.EndAsync(process);
        Assert.Equal(0, trained.ExitCode);
        Assert.Contains("The run goes on, but what is shown of it broke: IOException", trained.Error, StringComparison.Ordinal);
        Assert.Equal(20, new CheckpointStore(In("run")).Latest()!.Manifest.Step);
    }

    [Fact]
    public async Task Variables_ThatAreEmpty_AreNotSet()
    {
        using var process = CommandLine.Start("env", ["GRANARY_DATA=", "GRANARY_SERVER= ", CommandLine.Program, "resume", "nosuch"]);
        Assert.Contains("no cluster answers at http://127.0.0.1:8081", (await CommandLine.EndAsync(process)).Error, StringComparison.Ordinal);
        using var training = CommandLine.Start("env", ["GRANARY_DATA=", CommandLine.Program, "train", "lm", "--data", "/nowhere"]);
        Assert.Contains("There are no data at /nowhere. Known", (await CommandLine.EndAsync(training)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_IntoAFolderThatIsNotEmpty_IsRefusedAndTouchesNothing()
    {
        File.WriteAllText(In("thesis.txt"), "years of work");
        var result = await CommandLine.RunAsync("train", "two-layer", "--out", folder);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("is not empty", result.Error);
        Assert.Equal(["thesis.txt"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Resume_WithADamagedCheckpoint_NamesItAndUsesTheOneBefore()
    {
        await CommandLine.RunAsync("train", "two-layer", "--steps", "20", "--checkpoint-every", "10", "--out", In("run"), "--quiet");
        var whole = new CheckpointStore(In("run")).Latest()!;
        using (var stream = File.Open(whole.ModelPath, FileMode.Open))
        {
            stream.Position = stream.Length / 2;
            stream.WriteByte(0xEE);
        }
        var resumed = await CommandLine.RunAsync("resume", In("run"), "--workers", "1");
        Assert.Equal(0, resumed.ExitCode);
        Assert.Contains($"{whole.ModelPath} was altered after it was written.", resumed.Error);
        Assert.Contains("Training from step 10.", resumed.Output);
        Assert.Equal(whole.Manifest.WeightsSha256, new CheckpointStore(In("run")).Latest()!.Manifest.WeightsSha256);
    }

    [Fact]
    public async Task Resume_WithAnotherEndWhereStepsDependOnIt_Warns()
    {
        await CommandLine.RunAsync("train", "word2vec", "--set", "dimension=8", "--set", "batch=500", "--steps", "2", "--out", In("run"), "--quiet");
        var resumed = await CommandLine.RunAsync("resume", In("run"), "--steps", "3", "--quiet");
        Assert.Equal(0, resumed.ExitCode);
        Assert.Contains("warning: the run was begun with 2 steps in all", resumed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resume_OfAnotherTasksDirectory_IsRefused()
    {
        await CommandLine.RunAsync("train", "two-layer", "--steps", "2", "--out", In("run"), "--quiet");
        var result = await CommandLine.RunAsync("resume", In("run"), "--task", "lm");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("holds a run of task 'two-layer', not of 'lm'", result.Error);
        Assert.Contains("has no word vectors", (await CommandLine.RunAsync("nearest", In("run"), "king")).Error);
    }

    [Fact]
    public async Task Silo_OnATakenPort_NamesThePortAndItsSetting()
    {
        var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        File.WriteAllText(In("silo.json"), $$"""{ "Granary": { "Cluster": { "GrpcPort": {{port}} } } }""");
        var result = await CommandLine.RunProcessAsync("silo", "--config", In("silo.json"));
        taken.Stop();
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains($"Port {port} (Granary:Cluster:GrpcPort) cannot be opened", result.Error);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("HUP", "HUP")]
    public async Task Interrupt_Once_EndsAtAStepWithACheckpointToGoOnFrom(params string[] signals)
    {
        using var training = StartEndlessRun();
        foreach (var signal in signals)
        {
            await Process.Start("kill", [$"-{signal}", $"{training.Id}"])!.WaitForExitAsync();
        }
        var ended = await CommandLine.EndAsync(training);
        Assert.Equal(130, ended.ExitCode);
        Assert.True(new CheckpointStore(In("run")).Latest()!.Manifest.Step > 0);
    }

    [Fact]
    public async Task Interrupt_Twice_EndsAtOnce()
    {
        using var training = StartEndlessRun();
        await Process.Start("kill", ["-STOP", $"{training.Id}"])!.WaitForExitAsync();
        await Process.Start("kill", ["-INT", $"{training.Id}"])!.WaitForExitAsync();
        await Process.Start("kill", ["-TERM", $"{training.Id}"])!.WaitForExitAsync();
        await Process.Start("kill", ["-CONT", $"{training.Id}"])!.WaitForExitAsync();
        Assert.Equal(130, (await CommandLine.EndAsync(training)).ExitCode);
    }

    [Fact]
    public async Task Train_WhoseFirstProcessIsKilled_StartsAnotherAndEndsWithTheSameBits()
    {
        string[] run = ["train", "two-layer", "--steps", "1500", "--workers", "2"];
        using var training = CommandLine.Start([.. run, "--processes", "2", "--out", In("killed")]);
        ReadUntilAStep(training);
        await Process.Start("pkill", ["-KILL", "-P", $"{training.Id}", "-f", "silo-0.json"])!.WaitForExitAsync();
        var ended = await CommandLine.EndAsync(training);
        Assert.Equal(0, ended.ExitCode);
        Assert.Contains("granary: silo-0 has ended with exit code 137; it is started again.", ended.Error, StringComparison.Ordinal);
        await CommandLine.RunAsync([.. run, "--out", In("calm"), "--quiet"]);
        Assert.Equal(new CheckpointStore(In("calm")).Latest()!.Manifest.WeightsSha256, new CheckpointStore(In("killed")).Latest()!.Manifest.WeightsSha256);
    }

    private string In(string name) => Path.Combine(folder, name);

    /// <summary>Returns once the run is under way.</summary>
    private Process StartEndlessRun()
    {
        var training = CommandLine.Start("train", "two-layer", "--steps", "100000000", "--out", In("run"));
        ReadUntilAStep(training);
        return training;
    }

    private static void ReadUntilAStep(Process training)
    {
        while (training.StandardOutput.ReadLine() is { } line && !line.Contains("step ", StringComparison.Ordinal))
        {
        }
    }
}
