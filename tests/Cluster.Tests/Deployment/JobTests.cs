using System.CommandLine;
using Granary.Client;
using Granary.Client.Commands;
using Granary.Client.Views;
using Granary.Grains.Nodes;
using Granary.Silo;
using Granary.Silo.Settings;
using k8s;
using k8s.Models;

namespace Granary.Cluster.Tests.Deployment;

/// <summary>The Jobs of k8s/examples, as Kubernetes and the program read them.</summary>
public sealed class JobTests
{
    private const string Folder = "k8s/examples/job";

    [Theory]
    [InlineData("pod.yaml")]
    [InlineData("pods.yaml")]
    public void Job_KnowsTheExitCodes_AndItsCommandIsUnderstood(string file)
    {
        var job = Read(file);
        var (container, rules) = (ContainerOf(job), job.Spec.PodFailurePolicy.Rules);
        var byAction = rules.Where(rule => rule.OnExitCodes is not null).ToDictionary(rule => rule.Action, rule => rule.OnExitCodes);

        Assert.Equal([ExitCode.Failed, ExitCode.Misused, ExitCode.Defect], byAction["FailJob"].Values);
        Assert.Equal([ExitCode.Interrupted], byAction["Ignore"].Values);
        Assert.All(byAction.Values, codes => Assert.Equal((container.Name, "In"), (codes.ContainerName, codes.OperatorProperty)));
        Assert.Contains(rules, rule => rule is { Action: "Ignore", OnPodConditions: [{ Type: "DisruptionTarget" }] });
        Assert.Null(Misuse.Of(GranaryApp.CreateCommands(new Option<bool>("--verbose")).Parse([.. container.Args])));
    }

    [Theory]
    [InlineData("pod.yaml")]
    [InlineData("pods.yaml")]
    public void Pods_AreConfined_AndHaveTheirTimeToEnd(string file)
    {
        var pod = Read(file).Spec.Template.Spec;
        var confinement = ContainerOf(Read(file)).SecurityContext;

        Assert.True(pod.SecurityContext.RunAsNonRoot);
        Assert.Equal((true, false), (confinement.ReadOnlyRootFilesystem, confinement.AllowPrivilegeEscalation));
        Assert.Equal(["ALL"], confinement.Capabilities.Drop);
        Assert.True(pod.TerminationGracePeriodSeconds > SiloProgram.EndTime(new NodeOptions().Grace).TotalSeconds);
        Assert.Equal(pod.Volumes.Select(volume => volume.Name).Order(), pod.Containers.Single().VolumeMounts.Select(mount => mount.Name).Order());
    }

    /// <summary>Read as the silo reads it.</summary>
    [Fact]
    public void Pods_GiveTheirSiloAnAddressANameAndAClusterOfTheJob()
    {
        var environment = ContainerOf(Read("pods.yaml")).Env.Where(variable => variable.Name.StartsWith("Granary", StringComparison.Ordinal)).ToDictionary(
            variable => variable.Name,
            variable => (variable.Value ?? "uid").Replace("$(POD_IP)", "10.1.2.3", StringComparison.Ordinal).Replace("$(JOB)-$(INDEX)", "job-0", StringComparison.Ordinal));
        var settings = SiloSettings.Read(Repository.PathOf($"{Folder}/silo.json"), environment);

        Assert.Equal(("uid", "10.1.2.3", "10.1.2.3", "job-0"), (settings.Cluster.ClusterId, settings.Cluster.AdvertisedAddress, settings.Node.DataHost, settings.Node.Name));
    }

    private static V1Job Read(string file) => KubernetesYaml.LoadAllFromString(Repository.Read($"{Folder}/{file}"), null, strict: true).OfType<V1Job>().Single();

    private static V1Container ContainerOf(V1Job job) => job.Spec.Template.Spec.Containers.Single();
}
