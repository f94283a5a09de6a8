using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Silo;
using Granary.Training.Tasks;
using Grpc.Core;
using Grpc.Net.Client;

namespace Granary.Cluster.Tests;

/// <summary>The gateway believes nobody: what a client of another make sends is checked like what the command line sends.</summary>
public sealed class GatewayTests : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private LocalCluster cluster = null!;
    private GrpcChannel channel = null!;
    private V1.Runs.RunsClient runs = null!;

    public async Task InitializeAsync()
    {
        cluster = await LocalCluster.StartAsync(1);
        channel = GrpcChannel.ForAddress(cluster.Server);
        runs = new(channel);
    }

    public async Task DisposeAsync()
    {
        channel.Dispose();
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Tasks_AreThoseOfTheServer()
    {
        using var client = new TrainingClient(cluster.Server);
        var tasks = await client.TasksAsync();
        Assert.Equal(GranaryEnvironment.Tasks.Tasks.Select(task => task.Name), tasks.Select(task => task.Name));
        Assert.Equal(TaskDescription.Of(GranaryEnvironment.Tasks["lm"]).Settings, tasks.Single(task => task.Name == "lm").Settings);

        var server = cluster.Server.ToString();
        Assert.Equal((await CommandLine.RunAsync("tasks", "gan")).Output, (await CommandLine.RunAsync("tasks", "gan", "--server", server)).Output);
        Assert.Contains("No training task is named 'lmm'. Known: bert, cnn", (await CommandLine.RunAsync("submit", "lmm", "--server", server)).Error, StringComparison.Ordinal);
        Assert.Contains("has no setting 'hiden'", (await CommandLine.RunAsync("submit", "lm", "--set", "hiden=3", "--out", Path.Combine(folder, "x"), "--server", server)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_OfASpecThatCannotBe_IsRefusedInOneLineAndLeavesNoRun()
    {
        foreach (var spoil in new Action<V1.Spec>[]
        {
            spec => spec.Steps = -5,
            spec => spec.Epochs = double.NaN,
            spec => spec.Exchange = (V1.Exchange)77,
            spec => spec.Keep = -1,
            spec => spec.Shards = 0,
            spec => spec.Workers = 99,
            spec => spec.Task = "",
            spec => spec.Task = "\u001b[31m",
            spec => spec.RunId = "",
            spec => spec.RunId = "\u001b[2J\n",
            spec => spec.RunId = new string('x', 100_000),
            spec => spec.Output = "",
            spec => spec.Output = "here",
            spec => spec.Data = "/nowhere",
            spec => spec.Data = "/dev/zero",
            spec => spec.Init = "/nowhere",
            spec => spec.Init = "weights",
            spec => spec.InitMap.Add("a=b"),
            spec =>
            {
                spec.Init = folder;
                spec.InitMap.Add("nonsense\u001b");
            },
            spec => spec.Settings.Add("hidden", "-1"),
            spec => spec.Settings.Add("no-such", "1"),
        })
        {
            var spec = Good();
            spoil(spec);
            var refused = await Assert.ThrowsAsync<RpcException>(async () => await runs.SubmitAsync(new() { Spec = spec }));
            Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
            Assert.DoesNotContain(refused.Status.Detail, char.IsControl);
            Assert.InRange(refused.Status.Detail.Length, 10, 1000);
        }
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await runs.SubmitAsync(new()))).StatusCode);
        Assert.Empty((await runs.ListAsync(new())).Runs);
    }

    [Theory]
    [InlineData("nobody", StatusCode.NotFound)]
    [InlineData("", StatusCode.InvalidArgument)]
    [InlineData("no\nbody", StatusCode.InvalidArgument)]
    public async Task Call_ForARunThatIsNotThere_SaysSo(string id, StatusCode status)
    {
        foreach (var call in new Func<Task>[]
        {
            async () => await runs.GetAsync(new() { RunId = id }),
            async () => await runs.CancelAsync(new() { RunId = id }),
            async () => await runs.PauseAsync(new() { RunId = id }),
            async () => await runs.ResumeAsync(new() { RunId = id }),
            async () => await runs.ScaleAsync(new() { RunId = id, Workers = 1 }),
            async () => await runs.Watch(new() { RunId = id }).ResponseStream.MoveNext(default),
        })
        {
            Assert.Equal(status, (await Assert.ThrowsAsync<RpcException>(call)).StatusCode);
        }
    }

    [Fact]
    public async Task Run_OfASpecWithLittleInIt_HasTheDefaultsAndIsTrained()
    {
        using var client = new TrainingClient(cluster.Server);
        var run = (await runs.SubmitAsync(new() { Spec = Good() })).FromWire();
        Assert.Equal((4, 3, 20L, 1UL), (run.Spec.Shards, run.Spec.Keep, run.Spec.VerifyEvery, run.Spec.Seed));
        Assert.Equal("100", run.Spec.Settings["hidden"]);
        Assert.NotEmpty(run.Spec.Versions["granary"]);
        await foreach (var entry in client.WatchAsync(run.Spec.RunId))
        {
            run = entry.Status;
        }
        Assert.Equal(RunState.Succeeded, run.State);
        var versions = Assert.Single(await client.NodesAsync()).Versions;
        Assert.Equal(run.Spec.Versions, versions.ToDictionary());

        // The same spec under the same id is one run, unless what it made is gone.
        Assert.Equal(RunState.Succeeded, (await client.SubmitAsync(run.Spec)).State);
        Directory.Delete(run.Spec.Output, recursive: true);
        Assert.Equal(StatusCode.AlreadyExists, (await Assert.ThrowsAsync<RpcException>(() => client.SubmitAsync(run.Spec))).StatusCode);
    }

    [Fact]
    public async Task Versions_OfARun_AreTheGateways()
    {
        var mine = (await runs.SubmitAsync(new() { Spec = Good() })).FromWire().Spec;
        var claimed = Good();
        claimed.RunId = "claimed";
        claimed.Output = Path.Combine(folder, "claimed");
        claimed.Versions.Add("granary", "0.0.1");
        Assert.Equal(mine.Versions, (await runs.SubmitAsync(new() { Spec = claimed })).FromWire().Spec.Versions);
    }

    private V1.Spec Good() => new() { RunId = "good", Task = "two-layer", Output = Path.Combine(folder, "good"), Steps = 3 };
}
