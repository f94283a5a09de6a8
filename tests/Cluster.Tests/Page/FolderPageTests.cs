using System.Net;
using Granary.Bench.Pages;
using Granary.Silo;
using Granary.Training.Runs;

namespace Granary.Cluster.Tests.Page;

/// <summary>The page over a folder, without a cluster.</summary>
public sealed class FolderPageTests : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private FolderPage server = null!;
    private PageClient page = null!;

    public async Task InitializeAsync()
    {
        MadeRuns.Write(folder, runs: 2, steps: 20_000);
        Directory.CreateDirectory(Path.Combine(folder, "run-0001", "samples"));
        File.WriteAllText(Path.Combine(folder, "run-0001", "samples", "step-00000010.txt"), "früh");
        File.WriteAllText(Path.Combine(folder, "secret.txt"), "secret");
        server = await FolderPage.StartAsync(folder, port: 0);
        page = new(server.Address);
    }

    public async Task DisposeAsync()
    {
        page.Dispose();
        await server.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Runs_AreShown_AndCannotBeChanged()
    {
        var me = await page.GetAsync("/api/me");
        Assert.Equal(("viewer", false, false), ((string?)me["role"], (bool)me["secured"]!, (bool)me["cluster"]!));
        var runs = (await page.GetAsync("/api/runs"))["runs"]!.AsArray();
        Assert.Equal(["run-0001 succeeded", "run-0000 succeeded"], runs.Select(run => $"{run!["id"]} {run["state"]}"));
        Assert.Equal(HttpStatusCode.NotFound, (await page.PostAsync("/api/runs/run-0000/cancel")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await page.Http.GetAsync("/api/cluster")).StatusCode);
        using var asked = new HttpRequestMessage(HttpMethod.Head, "/");
        Assert.Equal(HttpStatusCode.OK, (await page.Http.SendAsync(asked)).StatusCode);
    }

    [Fact]
    public async Task Run_TellsItsSpecItsCheckpointsAndHowToRepeatIt()
    {
        var run = await page.GetAsync("/api/runs/run-0001");
        Assert.Equal("granary train two-layer --seed 1 --shards 4 --workers 1 --device cpu --steps 20000", (string?)run["command"]);
        Assert.Equal([20_000, 15_000, 10_000, 5_000], run["checkpoints"]!.AsArray().Select(checkpoint => (int)checkpoint!["step"]!));
        Assert.Single(run["checkpoints"]!.AsArray(), checkpoint => (bool)checkpoint!["best"]!);
        Assert.Equal(["gradient.norm", "learning.rate", "loss", "samples", "validation.loss"], run["curves"]!.AsArray().Select(name => (string?)name));
        Assert.Equal(("step-00000010.txt", 10, "text"), ((string?)run["samples"]![0]!["name"], (int)run["samples"]![0]!["step"]!, (string?)run["samples"]![0]!["kind"]));
        Assert.Equal("früh", await page.Http.GetStringAsync((string?)run["samples"]![0]!["url"]));
        Assert.False((bool)run["canCancel"]!);
        Assert.Equal("state", (string?)(await page.GetAsync("/api/runs/run-0001/events?after=1"))["events"]![0]!["kind"]);
    }

    [Fact]
    public async Task Curves_AreThinned_AndWholeWhereOneLooksClosely()
    {
        var thin = (await page.GetAsync("/api/runs/run-0000/curves?metrics=loss,nonsense,validation.loss&points=100"))["curves"]!;
        Assert.Equal(["loss", "validation.loss"], thin.AsObject().Select(curve => curve.Key));
        Assert.False((bool)thin["loss"]!["whole"]!);
        Assert.InRange(thin["loss"]!["steps"]!.AsArray().Count, 50, 100);
        Assert.True((bool)thin["validation.loss"]!["whole"]!);
        var close = (await page.GetAsync("/api/runs/run-0000/curves?metrics=loss&points=100&from=1000&to=1100"))["curves"]!["loss"]!;
        Assert.Equal((true, 51, 10.0), ((bool)close["whole"]!, close["steps"]!.AsArray().Count, (double)close["seconds"]![0]!));
    }

    [Theory]
    [InlineData("/api/runs/nobody")]
    [InlineData("/api/runs/..%2Fsecret.txt")]
    [InlineData("/api/runs/run-0001/samples/..%2F..%2Fsecret.txt")]
    [InlineData("/api/runs/run-0001/samples/..%2F.granary-run")]
    [InlineData("/api/runs/run-0001/checkpoints/7/model.safetensors")]
    [InlineData("/api/runs/run-0001/checkpoints/..%2F7/model.safetensors")]
    [InlineData("/api/runs/run-0001/words")]
    public async Task Path_ThatIsNotThere_IsNotFound(string path) => Assert.Equal(HttpStatusCode.NotFound, (await page.Http.GetAsync(path)).StatusCode);

    [Fact]
    public async Task Weights_AreDownloadedUnderAName()
    {
        var answer = await page.Http.GetAsync("/api/runs/run-0001/checkpoints/20000/model.safetensors");
        Assert.Equal("run-0001-20000.safetensors", answer.Content.Headers.ContentDisposition!.FileName);
        Assert.Equal([1, 2, 3], await answer.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task Stream_TellsOfARunThatGoesOn()
    {
        using var stream = await EventStream.OpenAsync(page.Http, "/api/stream?run=run-0000");
        Assert.Equal(2, (await stream.NextAsync("snapshot"))["runs"]!.AsArray().Count);
        var directory = Path.Combine(folder, "run-0000");
        using var held = RunFolder.Take(directory, "run-0000", isNew: false, TimeProvider.System);
        var history = new RunHistory(directory, from: 20_000, totalSteps: 30_000);
        // The first look is the one from which on things are new.
        for (var step = 20_001; ; step++)
        {
            history.Add(step, new() { ["loss"] = step }, remarkable: true);
            var next = await stream.NextAsync();
            if (next?.Kind == "points")
            {
                Assert.Equal((int)next.Value.Data["step"]!, (double)next.Value.Data["metrics"]!["loss"]!);
                break;
            }
            Assert.NotNull(next);
        }
        RunJournal.Append(directory, [new(9, DateTimeOffset.UnixEpoch, 20_001, "running", "remark", "Goes on.")]);
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(directory, "samples")).FullName, "mine.txt"), "");
        Assert.Equal("Goes on.", (string?)(await stream.NextAsync("event"))["message"]);
        Assert.Equal("mine.txt", (string?)(await stream.NextAsync("sample"))["name"]);
    }
}
