using System.Globalization;
using System.Text.RegularExpressions;
using Granary.Grains.Nodes;
using Granary.Silo;
using Granary.Silo.Settings;
using k8s;
using k8s.Models;

namespace Granary.Cluster.Tests.Deployment;

/// <summary>What one manifest says of another: pods, volumes, ports, names, settings.</summary>
public sealed partial class ReferenceTests
{
    private readonly List<object> objects = [.. Directory.EnumerateFiles(Repository.PathOf("k8s/base"), "*.yaml")
        .Where(file => Path.GetFileName(file) != "kustomization.yaml")
        .SelectMany(file => KubernetesYaml.LoadAllFromString(File.ReadAllText(file), null, strict: true))];

    private IEnumerable<V1PodTemplateSpec> Pods => objects.OfType<V1Deployment>().Select(deployment => deployment.Spec.Template)
        .Concat(objects.OfType<V1StatefulSet>().Select(set => set.Spec.Template));

    private IEnumerable<V1Container> Containers => Pods.SelectMany(pod => pod.Spec.Containers);

    [Fact]
    public void Selectors_MeetAPod()
    {
        var selectors = objects.OfType<V1Service>().Select(service => service.Spec.Selector)
            .Concat(objects.OfType<V1NetworkPolicy>().Select(policy => policy.Spec.PodSelector.MatchLabels))
            .Concat(objects.OfType<V1PodDisruptionBudget>().Select(budget => budget.Spec.Selector.MatchLabels));
        Assert.All(selectors, selector => Assert.Contains(Pods, pod => selector.All(label => pod.Metadata.Labels.Contains(label))));
    }

    [Fact]
    public void Services_LeadToPortsOfTheSameName() => Assert.All(objects.OfType<V1Service>(), service => Assert.Subset(
        Pods.Where(pod => service.Spec.Selector.All(label => pod.Metadata.Labels.Contains(label)))
            .SelectMany(pod => pod.Spec.Containers).SelectMany(container => container.Ports).Select(port => (port.Name, port.ContainerPort)).ToHashSet(),
        service.Spec.Ports.Select(port => (port.Name, port.Port)).ToHashSet()));

    [Fact]
    public void NetworkPolicies_LetThroughThePortsThatAreOpen() => Assert.Equal(
        Containers.SelectMany(container => container.Ports).Select(port => $"{port.ContainerPort}").ToHashSet(),
        objects.OfType<V1NetworkPolicy>().SelectMany(policy => policy.Spec.Ingress).SelectMany(rule => rule.Ports).Select(port => port.Port.Value).ToHashSet());

    [Fact]
    public void Pods_MountVolumesThatExist()
    {
        var claims = objects.OfType<V1PersistentVolumeClaim>().Select(claim => claim.Metadata.Name).ToHashSet();
        Assert.All(Pods.SelectMany(pod => pod.Spec.Volumes ?? []).Select(volume => volume.PersistentVolumeClaim?.ClaimName).OfType<string>(), claim => Assert.Contains(claim, claims));
        var sets = objects.OfType<V1StatefulSet>().ToDictionary(set => set.Spec.Template, set => set.Spec.VolumeClaimTemplates ?? []);
        Assert.All(Pods, pod => Assert.Subset(
            (pod.Spec.Volumes ?? []).Select(volume => volume.Name).Concat(sets.GetValueOrDefault(pod, []).Select(claim => claim.Metadata.Name)).ToHashSet(),
            pod.Spec.Containers.SelectMany(container => container.VolumeMounts).Select(mount => mount.Name).ToHashSet()));
    }

    [Fact]
    public void Probes_AskPortsThatAreOpen() => Assert.All(
        Containers.SelectMany(container => new[] { container.StartupProbe, container.ReadinessProbe, container.LivenessProbe }
            .Where(probe => probe?.HttpGet is not null)
            .Select(probe => (Open: container.Ports.Select(port => port.Name), Asked: probe.HttpGet.Port.Value))),
        probe => Assert.Contains(probe.Asked, probe.Open));

    [Fact]
    public void DisruptionBudgets_AreThereForEveryPod_AndLetOneGoWhateverTheReplicas()
    {
        var budgets = objects.OfType<V1PodDisruptionBudget>().ToList();
        Assert.All(Pods, pod => Assert.Single(budgets, budget => budget.Spec.Selector.MatchLabels.All(pod.Metadata.Labels.Contains)));
        Assert.All(budgets, budget => Assert.Equal((null, "1"), (budget.Spec.MinAvailable?.Value, budget.Spec.MaxUnavailable.Value)));
    }

    [Fact]
    public void Redis_RefusesWritesBelowItsMemoryLimit_AndIsReplacedWhenItHangs()
    {
        var redis = Containers.Single(container => container.Name == "redis");
        var most = redis.Args[redis.Args.IndexOf("--maxmemory") + 1];
        Assert.EndsWith("mb", most, StringComparison.Ordinal);
        Assert.True(2 * 1024 * 1024 * int.Parse(most[..^2], CultureInfo.InvariantCulture) <= redis.Resources.Limits["memory"].ToDecimal(), $"{most} leave no room for rewriting the append-only file.");
        Assert.NotNull(redis.LivenessProbe);
    }

    [Fact]
    public void Silos_ThatAreToldToEnd_HaveTheirTime_AndThoseThatHangNone()
    {
        var silos = Pods.Where(pod => pod.Metadata.Labels.ContainsKey("granary/silo")).ToList();
        Assert.All(silos, pod => Assert.True(pod.Spec.TerminationGracePeriodSeconds > (SiloProgram.EndTime(new NodeOptions().Grace) + TimeSpan.FromSeconds(5)).TotalSeconds));
        Assert.All(silos.SelectMany(pod => pod.Spec.Containers), silo => Assert.InRange(
            silo.LivenessProbe.PeriodSeconds * silo.LivenessProbe.FailureThreshold + silo.LivenessProbe.TerminationGracePeriodSeconds ?? 0, 30, 60));
        Assert.All(silos.SelectMany(pod => pod.Spec.Containers), silo => Assert.True(
            silo.StartupProbe.PeriodSeconds * silo.StartupProbe.FailureThreshold > new SiloClusterOptions().StartPatience.TotalSeconds));
    }

    /// <summary>Read as the silo reads it.</summary>
    [Theory]
    [InlineData("granary-control", 0)]
    [InlineData("granary-worker", 1)]
    public void Pod_GivesItsSiloAnAddressANameAndRedis(string name, int slots)
    {
        var environment = Pods.Single(pod => pod.Metadata.Labels["app.kubernetes.io/name"] == name).Spec.Containers.Single().Env
            .Where(variable => variable.Value is not null)
            .ToDictionary(variable => variable.Name, variable => variable.Value.Replace("$(POD_IP)", "10.1.2.3", StringComparison.Ordinal).Replace("$(POD_NAME)", "pod", StringComparison.Ordinal));
        var settings = SiloSettings.Read(Repository.PathOf("k8s/base/silo.json"), environment);
        var (cluster, node) = (settings.Cluster, settings.Node);

        Assert.Equal(("10.1.2.3", "10.1.2.3", "pod", slots), (cluster.AdvertisedAddress, node.DataHost, node.Name, node.Slots));
        Assert.Contains(objects.OfType<V1Service>(), service => service.Spec.Ports.Any(port => cluster.Redis.StartsWith($"{service.Metadata.Name}:{port.Port},", StringComparison.Ordinal)));
    }

    [Fact]
    public void Prometheus_ScrapesEverySiloOfTheComposition() => Assert.Equal(
        SiloOfComposition().Matches(Repository.Read("deploy/compose.yaml")).Select(match => $"{match.Groups[1].Value}:{new SiloClusterOptions().HttpPort}"),
        Target().Matches(Repository.Read("deploy/prometheus/prometheus.yml")).Select(match => match.Groups[1].Value));

    [GeneratedRegex(@"^  ([\w-]+):\n    <<: \*silo", RegexOptions.Multiline)]
    private static partial Regex SiloOfComposition();

    [GeneratedRegex("\"([\\w-]+:\\d+)\"")]
    private static partial Regex Target();
}
