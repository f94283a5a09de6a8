using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Silo;
using Granary.Training.Files;
using Granary.Training.Runs;
using Grpc.Core;

namespace Granary.Cluster.Tests.Security;

/// <summary>What a client can make a cluster with roots read and write.</summary>
public sealed class RootsTests : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private LocalCluster cluster = null!;
    private TrainingClient client = null!;

    public async Task InitializeAsync()
    {
        foreach (var name in new[] { "data", "runs", "outside" })
        {
            Directory.CreateDirectory(In(name));
            File.WriteAllText(In($"{name}/text.txt"), string.Concat(Enumerable.Repeat("the cat sat on the mat ", 500)));
        }
        Directory.CreateSymbolicLink(In("runs/link"), In("outside"));
        Directory.CreateSymbolicLink(In("data/link"), In("outside"));
        var roots = new PathRoots(new("Granary:Node:DataRoot", In("data")), new("Granary:Node:RunRoot", In("runs")));
        cluster = await LocalCluster.StartAsync(silos: 2, slots: 1, GranaryEnvironment.ForTraining() with { Roots = roots });
        client = new(cluster.Server);
    }

    public async Task DisposeAsync()
    {
        client.Dispose();
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Submit_ByName_TrainsBelowTheRoots()
    {
        var done = await SubmitAsync("lm", "--data", "text.txt", "--steps", "2", "--set", "embedding=8", "--set", "hidden=8", "--out", "deep/first", "--wait");
        Assert.True(done.ExitCode == 0, done.Error);
        Assert.True(Directory.Exists(In("runs/deep/first/checkpoints/00000002")));
        // The best checkpoint of another run, and a directory of its own.
        done = await SubmitAsync("lm", "--data", "text.txt", "--init", "deep/first", "--steps", "2", "--set", "embedding=8", "--set", "hidden=8", "--wait");
        Assert.True(done.ExitCode == 0, done.Error);
        Assert.Single(Directory.GetDirectories(In("runs"), "lm-*"));
    }

    [Theory]
    [InlineData("--out", "../../etc")]
    [InlineData("--out", "/etc")]
    [InlineData("--out", "link")]
    [InlineData("--out", "link/deeper")]
    [InlineData("--out", "a\u202e/../../outside")]
    [InlineData("--data", "../outside/text.txt")]
    [InlineData("--data", "/etc/passwd")]
    [InlineData("--data", "link/text.txt")]
    [InlineData("--init", "link")]
    [InlineData("--set", "similarity=/etc")]
    [InlineData("--set", "similarity=link")]
    public async Task Submit_OfAPathThatLeadsOut_IsRefusedInOneLineWithTheRootsName(string option, string value)
    {
        var refused = await SubmitAsync("word2vec", option == "--set" ? ["--data", "text.txt", option, value] : [option, value]);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("Granary:Node:", Assert.Single(refused.Error.Trim().Split('\n')), StringComparison.Ordinal);
        Assert.Empty(await client.ListAsync());
        Assert.Equal([In("outside/text.txt")], Directory.GetFileSystemEntries(In("outside")));
    }

    [Fact]
    public async Task Submit_OfANameNoFileCanHave_IsRefusedByAClientOfAnotherMake()
    {
        foreach (var name in new[] { "a\0b", "a\nb", "\u001b[2J", new string('x', 5000), "" })
        {
            var spec = new RunSpec { RunId = "odd", Task = "two-layer", Output = name, Steps = 3 };
            Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => client.SubmitAsync(spec))).StatusCode);
        }
    }

    [Fact]
    public async Task Directory_ThatIsNotTheRuns_IsRefusedAndLeftAsItIs_OnWhicheverSlot()
    {
        foreach (var resume in new[] { false, true })
        {
            var foreign = Directory.CreateDirectory(In($"runs/thesis-{resume}/checkpoints/.partial-00000008-dead-1")).Parent!.Parent!;
            Assert.Contains("is not empty", (await EndAsync(new() { RunId = foreign.Name, Task = "two-layer", Output = foreign.Name, Workers = 2, Steps = 3, Resume = resume })).Reason, StringComparison.Ordinal);
            Assert.True(Directory.Exists(Path.Combine(foreign.FullName, "checkpoints", ".partial-00000008-dead-1")));
        }
        await EndAsync(new() { RunId = "first", Task = "two-layer", Output = "first", Workers = 2, Steps = 3 });
        var second = await EndAsync(new() { RunId = "second", Task = "two-layer", Output = "first", Workers = 2, Steps = 3 });
        Assert.Equal(RunState.Failed, second.State);
        Assert.Contains("is not empty", second.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Checkpoints_BehindALinkThatLeadsOut_AreNotWritten()
    {
        await EndAsync(new() { RunId = "first", Task = "two-layer", Output = "first", Workers = 1, Steps = 3 });
        Directory.Move(In("runs/first/checkpoints"), In("outside/checkpoints"));
        Directory.CreateSymbolicLink(In("runs/first/checkpoints"), In("outside/checkpoints"));
        var refused = await Assert.ThrowsAsync<RpcException>(() => client.SubmitAsync(new() { RunId = "on", Task = "two-layer", Output = "first", Steps = 9, Resume = true }));
        Assert.Contains("Granary:Node:RunRoot", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Single(Directory.GetDirectories(In("outside/checkpoints")));
    }

    private string In(string name) => Path.Combine(folder, name);

    private Task<CommandResult> SubmitAsync(string task, params string[] options) => CommandLine.RunAsync(["submit", task, .. options, "--server", $"{cluster.Server}"]);

    private async Task<RunStatus> EndAsync(RunSpec spec)
    {
        var run = await client.SubmitAsync(spec);
        await foreach (var entry in client.WatchAsync(run))
        {
            run = entry.Status;
        }
        return run;
    }
}
