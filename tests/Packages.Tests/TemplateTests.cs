using System.Text.Json;
using System.Xml.Linq;
using Granary.Cluster.Tests;

namespace Granary.Packages.Tests;

/// <summary>What a user has who begins with the packages alone.</summary>
public sealed class TemplateTests(Feed feed) : IClassFixture<Feed>
{
    [Fact]
    public async Task NewTask_FromThePackages_TrainsWithTheSameBitsAndKeepsItsPromises()
    {
        var folder = await feed.NewTaskAsync("Two.Spirals");
        await feed.DotnetAsync("build", folder, "-nodeReuse:false", "-p:CreateHardLinksForCopyLocalIfPossible=true"); // as libtorch is large
        var program = Path.Combine(folder, "Two.Spirals", "bin", "Debug", "net10.0", "Two.Spirals");
        var alone = await TrainAsync("one", "--workers", "1");
        Assert.Equal(alone, await TrainAsync("three", "--workers", "3"));
        Assert.Equal(alone, await TrainAsync("processes", "--workers", "2", "--processes", "2"));

        Assert.Contains("Passed!", await feed.DotnetAsync("test", folder, "--no-build"), StringComparison.Ordinal);

        async Task<string> TrainAsync(string run, params string[] how)
        {
            var said = await feed.RunAsync(program, ["train", "spirals", "--steps", "12", "--out", Path.Combine(folder, "runs", run), .. how]);
            return said.Split('\n').Single(line => line.StartsWith("weights", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Template_ReferencesTheVersionsOfThisRepository()
    {
        var expected = XDocument.Load(Repository.PathOf("Directory.Packages.props")).Descendants("PackageVersion").ToDictionary(package => (string)package.Attribute("Include")!, package => (string)package.Attribute("Version")!);
        var version = (string)XDocument.Load(Repository.PathOf("Directory.Build.props")).Descendants("Version").Single();
        var template = Repository.PathOf("src/Templates/granary-task");
        var references = Directory.EnumerateFiles(template, "*.csproj", SearchOption.AllDirectories).SelectMany(project => XDocument.Load(project).Descendants("PackageReference")).ToList();
        Assert.NotEmpty(references);
        Assert.All(references, reference =>
        {
            var package = (string)reference.Attribute("Include")!;
            Assert.Equal(package.StartsWith("Granary.", StringComparison.Ordinal) ? version : expected[package], (string)reference.Attribute("Version")!);
        });
        var symbols = JsonDocument.Parse(File.ReadAllText(Path.Combine(template, ".template.config", "template.json"))).RootElement.GetProperty("symbols").GetProperty("granary-version");
        Assert.Equal((version, version), (symbols.GetProperty("replaces").GetString(), symbols.GetProperty("defaultValue").GetString()));
        Assert.StartsWith(version, Feed.Version, StringComparison.Ordinal);
    }
}
