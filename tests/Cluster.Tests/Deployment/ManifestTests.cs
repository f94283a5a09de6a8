using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Granary.Grains.Nodes;
using Granary.Silo.Security;
using Granary.Silo.Settings;
using k8s;
using k8s.Models;

namespace Granary.Cluster.Tests.Deployment;

public sealed partial class ManifestTests
{
    private static readonly Dictionary<string, Type> sections = new()
    {
        ["Cluster"] = typeof(SiloClusterOptions),
        ["Node"] = typeof(NodeOptions),
        ["Security"] = typeof(SecurityOptions),
        ["Limits"] = typeof(LimitOptions),
        ["Logging"] = typeof(LogOptions),
    };

    public static TheoryData<string> Files => new(Directory.EnumerateFiles(Repository.PathOf("k8s"), "*.yaml", SearchOption.AllDirectories)
        .Where(file => !file.EndsWith("kustomization.yaml", StringComparison.Ordinal))
        .Select(file => Path.GetRelativePath(Repository.Root, file)));

    [Theory]
    [MemberData(nameof(Files))]
    public void Manifest_IsOfKnownKindsAndFieldsOnly(string file) => Assert.True(Rendering.OfKnownKinds(Repository.Read(file)).Any() || Rendering.OfOperatorKinds(Repository.Read(file)).Any());

    [Fact]
    public void Configuration_OfManifestsImageAndDocumentation_HasOnlyKeysThatExist()
    {
        var inEnvironment = new[] { "k8s/base/control.yaml", "k8s/base/workers.yaml", "deploy/compose.yaml" }
            .SelectMany(file => EnvironmentKey().Matches(Repository.Read(file)))
            .Select(match => (Section: match.Groups[1].Value, Name: match.Groups[2].Value));
        using var json = JsonDocument.Parse(Repository.Read("k8s/base/silo.json"));
        var inJson = json.RootElement.GetProperty("Granary").EnumerateObject()
            .SelectMany(section => section.Value.EnumerateObject().Select(entry => (Section: section.Name, entry.Name)));
        Assert.All(inEnvironment.Concat(inJson), key => Assert.NotNull(sections[key.Section].GetProperty(key.Name)));

        var documented = DocumentedKey().Matches(Repository.Read("docs/operations.md")).Select(match => $"{match.Groups[1].Value}:{match.Groups[2].Value}").Order();
        var existing = sections.SelectMany(section => section.Value.GetProperties().Where(property => property.CanWrite).Select(property => $"{section.Key}:{property.Name}")).Order();
        Assert.Equal(existing, documented);
    }

    [Fact]
    public void Ports_OfThePodsAreThoseOfTheConfiguration()
    {
        using var json = JsonDocument.Parse(Repository.Read("k8s/base/silo.json"));
        var granary = json.RootElement.GetProperty("Granary");
        var cluster = granary.GetProperty("Cluster");
        int[] expected =
        [
            cluster.GetProperty("SiloPort").GetInt32(), cluster.GetProperty("GrpcPort").GetInt32(),
            cluster.GetProperty("HttpPort").GetInt32(), granary.GetProperty("Node").GetProperty("DataPort").GetInt32(),
        ];
        var templates = new[] { "k8s/base/control.yaml", "k8s/base/workers.yaml" }
            .SelectMany(file => KubernetesYaml.LoadAllFromString(Repository.Read(file), null, strict: true))
            .Select(thing => (thing as V1Deployment)?.Spec.Template ?? (thing as V1StatefulSet)?.Spec.Template)
            .OfType<V1PodTemplateSpec>()
            .ToList();
        Assert.Equal(2, templates.Count);
        Assert.All(templates, template => Assert.Equal(expected, template.Spec.Containers.Single().Ports.Select(port => port.ContainerPort)));
        Assert.All(expected, port => Assert.Contains($" {port}", Repository.Read("deploy/Dockerfile").Split('\n').Single(line => line.StartsWith("EXPOSE", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("cpu", "libtorch-cpu-linux-x64")]
    [InlineData("cuda", "TorchSharp-cuda-linux")]
    [InlineData("none", null)]
    public async Task TorchBackend_DecidesWhichLibtorchIsReferenced(string backend, string? expected)
    {
        using var build = Process.Start(new ProcessStartInfo("dotnet", ["msbuild", Repository.PathOf("src/App/App.csproj"), "-getItem:PackageReference", $"-p:TorchBackend={backend}", "-p:RuntimeIdentifier=linux-x64"]) { RedirectStandardOutput = true })!;
        using var items = JsonDocument.Parse(await build.StandardOutput.ReadToEndAsync());
        await build.WaitForExitAsync();
        var natives = items.RootElement.GetProperty("Items").GetProperty("PackageReference").EnumerateArray()
            .Select(package => package.GetProperty("Identity").GetString()!)
            .Where(name => name.StartsWith("libtorch", StringComparison.OrdinalIgnoreCase) || name.StartsWith("TorchSharp", StringComparison.Ordinal));
        Assert.Equal(expected is null ? [] : [expected], natives);
    }

    [GeneratedRegex("Granary__([A-Za-z]+)__([A-Za-z]+)")]
    private static partial Regex EnvironmentKey();

    [GeneratedRegex(@"^\| `Granary:([A-Za-z]+):([A-Za-z]+)`", RegexOptions.Multiline)]
    private static partial Regex DocumentedKey();
}
