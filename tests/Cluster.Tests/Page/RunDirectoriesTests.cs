using Granary.Bench.Pages;
using Granary.Silo.Directories;
using Granary.Training.Runs;

namespace Granary.Cluster.Tests.Page;

/// <summary>What is read of a folder of runs, whatever lies in it.</summary>
public sealed class RunDirectoriesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Runs_AreListedNewestFirst_WithWhatTheirFilesTell()
    {
        MadeRuns.Write(folder, runs: 3, steps: 4000);
        var runs = new RunDirectories(folder).List();
        Assert.Equal(["run-0002", "run-0001", "run-0000"], runs.Select(run => run.Name));
        var run = runs[0];
        Assert.Equal(("two-layer", 4000, 4000, "validation.loss", "samples", false), (run.Spec!.Task, run.Step, run.TotalSteps, run.Measure!.Metric, run.Unit, run.IsHeld));
        Assert.Equal(["gradient.norm", "learning.rate", "loss", "samples", "validation.loss"], run.Metrics.Keys);
        Assert.Equal(6400, run.UnitsPerSecond, 0.1);
        Assert.NotNull(run.Best);
        Assert.Equal("All steps are made.", run.LastEvent!.Message);
    }

    [Fact]
    public void Folder_WithForeignAndBrokenThings_HasTheRunsThatAreThere()
    {
        MadeRuns.Write(folder, runs: 1, steps: 1000);
        File.WriteAllText(In("a file"), "");
        Directory.CreateDirectory(In("another folder", "checkpoints", "latest"));
        File.WriteAllText(In("another folder", "notes.txt"), "");
        foreach (var (name, file, content) in new[]
        {
            ("history", RunHistory.FileName, "nonsense\n{\"Step\":3,\"Met"),
            ("description", RunDescription.FileName, "[]"),
            ("journal", RunJournal.FileName, "{}\nnull\n\0\0\0"),
        })
        {
            Directory.CreateDirectory(In(name));
            File.WriteAllText(In(name, ".granary-run"), name);
            File.WriteAllText(In(name, file), content);
        }
        Directory.CreateDirectory(In("folders", RunHistory.FileName));
        File.WriteAllText(In("folders", ".granary-run"), "folders");
        Directory.CreateDirectory(In("manifest", "checkpoints", "00000007"));
        File.WriteAllText(In("manifest", "checkpoints", "00000007", "run.json"), "{}");
        File.CreateSymbolicLink(In("loop"), In("loop"));

        var runs = new RunDirectories(folder).List();
        Assert.Subset(runs.Select(run => run.Name).ToHashSet(), new HashSet<string> { "run-0000", "history", "description", "journal", "manifest" });
        Assert.DoesNotContain("another folder", runs.Select(run => run.Name));
        Assert.Equal(1000, runs.Single(run => run.Name == "run-0000").Step);
        Assert.Null(new RunDirectories(folder).Find("another folder"));
        Assert.Null(new RunDirectories(folder).Find(".."));
        Assert.Null(new RunDirectories(folder).Find("../" + Path.GetFileName(folder)));
    }

    [Fact]
    public void Run_ThatGoesOn_IsReadAgain_AndIsHeldAsLongAsSomebodyIsAtWork()
    {
        MadeRuns.Write(folder, runs: 1, steps: 1000);
        var directories = new RunDirectories(folder);
        Assert.False(directories.List()[0].IsHeld);
        using (RunFolder.Take(In("run-0000"), "run-0000", isNew: false, TimeProvider.System))
        {
            var history = new RunHistory(In("run-0000"), from: 1000, totalSteps: 2000);
            history.Add(1001, new() { ["loss"] = 0.25 }, remarkable: true);
            var run = directories.List()[0];
            Assert.Equal((true, 1001, 0.25), (run.IsHeld, run.Step, run.Metrics["loss"]));
        }
        Assert.False(directories.Find("run-0000")!.IsHeld);
    }

    [Fact]
    public void Folder_ThatIsARun_IsThatRun()
    {
        MadeRuns.Write(folder, runs: 1, steps: 100);
        Assert.Equal("run-0000", Assert.Single(new RunDirectories(In("run-0000") + "/").List()).Name);
    }

    [Fact]
    public void Samples_AreFilesOfTheFolder_AndNothingElse()
    {
        var samples = Directory.CreateDirectory(In("run", RunSamples.Folder)).FullName;
        foreach (var name in new[] { "step-00000020.png", "step-00000003.txt", "confusion-00000020.json", "mine.txt", "script.html", "step-7.exe" })
        {
            File.WriteAllText(Path.Combine(samples, name), name);
        }
        File.WriteAllText(In("secret.txt"), "secret");
        File.CreateSymbolicLink(Path.Combine(samples, "link.txt"), In("secret.txt"));
        Directory.CreateDirectory(Path.Combine(samples, "folder.txt"));

        Assert.Equal(
            [("mine.txt", 0, SampleKind.Text), ("step-00000003.txt", 3, SampleKind.Text), ("confusion-00000020.json", 20, SampleKind.Table), ("step-00000020.png", 20, SampleKind.Picture)],
            RunSamples.List(In("run")).Select(sample => (sample.Name, sample.Step, sample.Kind)));
        foreach (var name in new[] { "../../secret.txt", In("secret.txt"), "link.txt", "folder.txt", "script.html", "", ".", "..", "step-00000003.txt/../mine.txt", "step-00000003.txt\0" })
        {
            Assert.Null(RunSamples.Open(In("run"), name));
        }
        Directory.CreateDirectory(In("linked"));
        Directory.CreateSymbolicLink(In("linked", RunSamples.Folder), folder);
        Assert.Empty(RunSamples.List(In("linked")));
    }

    private string In(params string[] names) => Path.Combine([folder, .. names]);
}
