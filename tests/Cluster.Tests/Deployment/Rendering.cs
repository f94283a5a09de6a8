using System.Diagnostics;
using k8s;

namespace Granary.Cluster.Tests.Deployment;

/// <summary>What kustomize makes of the manifests.</summary>
internal static class Rendering
{
    /// <param name="folder">One with a kustomization.</param>
    public static string Of(string folder)
    {
        using var kubectl = Process.Start(new ProcessStartInfo("kubectl", ["kustomize", folder]) { RedirectStandardOutput = true })!;
        var rendered = kubectl.StandardOutput.ReadToEnd();
        kubectl.WaitForExit();
        Assert.Equal(0, kubectl.ExitCode);
        return rendered;
    }

    /// <summary>Objects that every cluster knows, read strictly.</summary>
    public static IEnumerable<object> OfKnownKinds(string manifests)
    {
        var known = string.Join("\n---\n", Documents(manifests).Where(document => !IsOfOperator(document)));
        return known.Length > 0 ? KubernetesYaml.LoadAllFromString(known, null, strict: true) : [];
    }

    /// <summary>Documents of the Prometheus operator's kinds.</summary>
    public static IEnumerable<string> OfOperatorKinds(string manifests) => Documents(manifests).Where(IsOfOperator);

    private static string[] Documents(string manifests) => manifests.Split("\n---\n");

    private static bool IsOfOperator(string document) => document.Contains("apiVersion: monitoring.coreos.com/", StringComparison.Ordinal);
}

/// <summary>Rendering needs kubectl; without it the files themselves are still read strictly by the other tests.</summary>
internal sealed class KubectlTheoryAttribute : TheoryAttribute
{
    public KubectlTheoryAttribute() => Skip = Kubectl.WhyNot!;
}

internal sealed class KubectlFactAttribute : FactAttribute
{
    public KubectlFactAttribute() => Skip = Kubectl.WhyNot!;
}

internal static class Kubectl
{
    public static string? WhyNot { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "kubectl")))
        ? null : "kubectl is not installed: rendering was not tested.";
}
