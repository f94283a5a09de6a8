using k8s;
using k8s.Models;

namespace Granary.Cluster.Tests.Deployment;

/// <summary>Components over one base, and overlays that combine them.</summary>
public sealed class OverlayTests
{
    private static readonly string[] components = [.. Names("k8s/components")];

    public static TheoryData<string> Overlays => new(Names("k8s/overlays"));

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void Overlay_RendersToKnownKindsAndFieldsOnly(string overlay) => AssertWhole(Rendering.Of(Repository.PathOf($"k8s/overlays/{overlay}")));

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Overlay_OnlyCombines(string overlay)
    {
        Assert.Equal(["kustomization.yaml"], Directory.EnumerateFileSystemEntries(Repository.PathOf($"k8s/overlays/{overlay}")).Select(Path.GetFileName));
        Assert.All(Repository.Read($"k8s/overlays/{overlay}/kustomization.yaml").Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.True(
            line[0] == '#' || line.Split(':')[0] is "apiVersion" or "kind" or "resources" or "components", $"{overlay}: {line}"));
    }

    [KubectlFact]
    public void Components_GoTogether()
    {
        var folder = Directory.CreateTempSubdirectory("granary-overlay-").FullName;
        try
        {
            string Relative(string path) => Path.GetRelativePath(folder, Repository.PathOf(path));
            File.WriteAllText(Path.Combine(folder, "kustomization.yaml"), $"""
                resources: [{Relative("k8s/base")}]
                components: [{string.Join(", ", components.Select(component => Relative($"k8s/components/{component}")))}]
                """);
            AssertWhole(Rendering.Of(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A claim's access modes cannot be changed, nor its size be made less: what is applied after something else would fail.</summary>
    [KubectlFact]
    public void Claims_OfOneName_AreTheSameInEveryOverlay()
    {
        var claims = Names("k8s/overlays").Select(overlay => Rendering.Of(Repository.PathOf($"k8s/overlays/{overlay}")))
            .SelectMany(Rendering.OfKnownKinds).OfType<V1PersistentVolumeClaim>().ToLookup(claim => claim.Metadata.Name, claim => KubernetesYaml.Serialize(claim.Spec));
        Assert.Equal(4, claims.Count);
        Assert.All(claims, named => Assert.Single(named.Distinct()));
    }

    [Fact]
    public void PrometheusRule_HoldsTheAlerts()
    {
        var rule = Repository.Read("k8s/components/monitoring/prometheus-rule.yaml").Split("\nspec:\n");
        var alerts = Repository.Read("deploy/prometheus/alerts.yml").Split('\n').Select(line => line.Length > 0 ? "  " + line : line);
        Assert.True(string.Join('\n', alerts) == rule[1], "The alerts have changed: build/make-prometheus-rule.");
        Assert.Contains("kind: PrometheusRule", rule[0], StringComparison.Ordinal);
    }

    private static IEnumerable<string> Names(string folder) => Directory.EnumerateDirectories(Repository.PathOf(folder)).Select(path => Path.GetFileName(path)).Order();

    private static void AssertWhole(string rendered)
    {
        var objects = Rendering.OfKnownKinds(rendered).ToList();
        Assert.Contains(objects, thing => thing is V1StatefulSet { Metadata.Name: "granary-worker" });
        Assert.Contains(objects, thing => thing is V1Deployment { Metadata.Name: "granary-control" });
        var claims = objects.OfType<V1PersistentVolumeClaim>().Select(claim => claim.Metadata.Name).ToHashSet();
        var mounted = objects.OfType<V1Deployment>().Select(deployment => deployment.Spec.Template.Spec)
            .Concat(objects.OfType<V1StatefulSet>().Select(set => set.Spec.Template.Spec)).Concat(objects.OfType<V1Pod>().Select(pod => pod.Spec))
            .SelectMany(pod => pod.Volumes ?? []).Select(volume => volume.PersistentVolumeClaim?.ClaimName).OfType<string>();
        Assert.Subset(claims, mounted.ToHashSet());
    }
}
