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
    };

    public static TheoryData<string> Files => new(Directory.EnumerateFiles(Repository.PathOf("k8s/base"), "*.yaml")
        .Select(file => Path.GetRelativePath(Repository.Root, file))
        .Where(file => !file.EndsWith("kustomization.yaml", StringComparison.Ordinal)));

    public static TheoryData<string> Kustomizations => ["base", "overlays/cpu-demo", "overlays/gpu", "overlays/monitoring"];

    [Theory]
    [MemberData(nameof(Files))]
    public void Manifest_IsOfKnownKindsAndFieldsOnly(string file) =>
        Assert.NotEmpty(KubernetesYaml.LoadAllFromString(Repository.Read(file), null, strict: true));

    [Theory]
    [MemberData(nameof(Kustomizations))]
    public void Kustomization_NamesFilesThatExist(string folder)
    {
        var text = Repository.Read($"k8s/{folder}/kustomization.yaml");
        var resources = ResourceLine().Matches(text).Select(match => match.Groups[1].Value.Trim())
            .Concat(InlineResources().Match(text) is { Success: true } inline ? inline.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries) : []);
        Assert.All(resources.Where(resource => resource.Length > 0), resource =>
            Assert.True(Path.Exists(Repository.PathOf($"k8s/{folder}/{resource}")), $"{folder} has no {resource}"));
    }

    [KubectlTheory]
    [MemberData(nameof(Kustomizations))]
    public void Kustomization_RendersToKnownKindsAndFieldsOnly(string folder)
    {
        using var kubectl = Process.Start(new ProcessStartInfo("kubectl", ["kustomize", Repository.PathOf($"k8s/{folder}")]) { RedirectStandardOutput = true })!;
        var rendered = kubectl.StandardOutput.ReadToEnd();
        kubectl.WaitForExit();
        Assert.Equal(0, kubectl.ExitCode);
        var known = string.Join("\n---\n", rendered.Split("\n---\n").Where(document => !document.Contains("kind: PodMonitor", StringComparison.Ordinal)));
        var objects = KubernetesYaml.LoadAllFromString(known, null, strict: true);
        Assert.Contains(objects, thing => thing is V1StatefulSet { Metadata.Name: "granary-worker" });
        Assert.Contains(objects, thing => thing is V1Deployment { Metadata.Name: "granary-control" });
    }

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

    [GeneratedRegex(@"^  - ([^\s{]+\.yaml|\.\./\S+)$", RegexOptions.Multiline)]
    private static partial Regex ResourceLine();

    [GeneratedRegex(@"^resources: \[(.+)\]$", RegexOptions.Multiline)]
    private static partial Regex InlineResources();

    [GeneratedRegex("Granary__([A-Za-z]+)__([A-Za-z]+)")]
    private static partial Regex EnvironmentKey();

    [GeneratedRegex(@"^\| `Granary:([A-Za-z]+):([A-Za-z]+)`", RegexOptions.Multiline)]
    private static partial Regex DocumentedKey();
}

/// <summary>Rendering needs kubectl; without it the files themselves are still read strictly by the other tests.</summary>
internal sealed class KubectlTheoryAttribute : TheoryAttribute
{
    public KubectlTheoryAttribute()
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        if (!path.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "kubectl"))))
        {
            Skip = "kubectl is not installed: rendering was not tested.";
        }
    }
}
