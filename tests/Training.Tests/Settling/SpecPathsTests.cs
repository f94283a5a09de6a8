using Granary.Tests.Fakes;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Settling;
using Granary.Training.Tasks;

namespace Granary.Training.Tests.Settling;

/// <summary>Whatever a spec names lies below the roots: by its name, by its links, and by the links of what lies there.</summary>
public sealed class SpecPathsTests : IDisposable
{
    private static readonly TaskCatalog tasks = new([new PointsTask(), new NamingTask()]);
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private readonly RunSpec good = new() { RunId = "a", Task = "points", Output = "first", Data = "text", Steps = 10 };
    private readonly PathRoots roots;

    public SpecPathsTests()
    {
        roots = new(new("Data:Root", In("data")), new("Run:Root", In("runs")));
        Write("data/text/train.txt", "one");
        Write("runs/vectors.txt", "two");
        Write("outside/secret.txt", "three");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Spec_Settled_HasWholePathsAndTheHashesOfWhatLiesThere()
    {
        var settled = Settle(good with { Task = "naming", Settings = new Dictionary<string, string> { ["vectors"] = "vectors.txt" } });
        Assert.Equal((In("runs/first"), In("data/text"), In("runs/vectors.txt")), (settled.Output, settled.Data, settled.Settings["vectors"]));
        Assert.Equal(["train.txt", "vectors/vectors.txt"], settled.DataFiles.Keys.Concat(settled.SettingFiles.Keys));
        SpecPaths.ConfirmInputs(settled, tasks["naming"], roots);
        SpecPaths.ConfirmOutput(settled, roots);
    }

    [Fact]
    public void Spec_WithAPathThatLeadsOut_IsRefusedByName()
    {
        foreach (var (what, spec) in new[]
        {
            ("output", good with { Output = "../outside" }),
            ("output", good with { Output = "/etc" }),
            ("data", good with { Data = "../outside" }),
            ("data", good with { Data = In("data/text") }),
            ("init", good with { Init = "../outside" }),
            ("vectors", good with { Task = "naming", Settings = new Dictionary<string, string> { ["vectors"] = "/etc/passwd" } }),
        })
        {
            Assert.StartsWith($"'{what}' cannot be ", Assert.Throws<PathRootException>(() => Settle(spec)).Message);
        }
        Assert.Contains("nothing of that name lies below Data:Root", Assert.Throws<PathRootException>(() => Settle(good with { Data = "nowhere" })).Message);
    }

    [Fact]
    public void Data_WithALinkInTheirFolderThatLeadsOut_AreRefused()
    {
        var settled = Settle(good);
        File.CreateSymbolicLink(In("data/text/more.txt"), "../../outside/secret.txt");
        Assert.Contains("more.txt", Assert.Throws<PathRootException>(() => Settle(good)).Message);
        Assert.Contains("more.txt", Assert.Throws<PathRootException>(() => SpecPaths.ConfirmInputs(settled, tasks["points"], roots)).Message);
    }

    [Theory]
    [InlineData("first/checkpoints")]
    [InlineData("first/checkpoints/00000005")]
    [InlineData("first/history.jsonl")]
    [InlineData("first")]
    public void RunDirectory_WithALinkThatLeadsOut_IsRefused(string link)
    {
        var settled = Settle(good);
        Directory.CreateDirectory(Path.GetDirectoryName(In("runs/" + link))!);
        File.CreateSymbolicLink(In("runs/" + link), In("outside"));
        Assert.Contains("Run:Root", Assert.Throws<PathRootException>(() => SpecPaths.ConfirmOutput(settled, roots)).Message);
    }

    [Fact]
    public void Spec_OfTheMachinesOwnUser_TakesAnyWholePath()
    {
        var spec = good with { Output = In("outside/run"), Data = In("outside") };
        Assert.Equal(spec.Output, SpecSettlement.Settle(spec, tasks, new Dictionary<string, string>()).Output);
        Assert.Throws<SpecException>(() => SpecSettlement.Settle(spec with { Data = "outside" }, tasks, new Dictionary<string, string>()));
        Assert.Throws<SpecException>(() => SpecSettlement.Settle(
            spec with { Task = "naming", Settings = new Dictionary<string, string> { ["vectors"] = "vectors.txt" } }, tasks, new Dictionary<string, string>()));
    }

    private RunSpec Settle(RunSpec spec) => SpecSettlement.Settle(spec, tasks, new Dictionary<string, string>(), roots);

    private string In(string name) => Path.Combine(folder, name);

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllText(In(name), text);
    }
}
