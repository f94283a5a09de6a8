using System.Reflection;
using Granary.Bench.Rooms;
using Granary.Chaos;
using Granary.Client.Views;
using Granary.Contracts;
using Granary.Grains;
using Granary.LocalClusters;
using Granary.Models;
using Granary.Silo;
using Granary.Testing;
using Granary.Torch.Runtime;
using Granary.Training.Tasks;

namespace Granary.Cluster.Tests;

/// <summary>The arrows of docs/architecture.md, read from the built assemblies.</summary>
public class ArchitectureTests
{
    private static readonly Dictionary<string, Assembly> assemblies = new Dictionary<string, Assembly>
    {
        ["Contracts"] = typeof(RunStatus).Assembly,
        ["Training"] = typeof(ITrainingTask).Assembly,
        ["Torch"] = typeof(TorchRuntime).Assembly,
        ["Testing"] = typeof(Lockstep).Assembly,
        ["Models"] = typeof(TwoLayer).Assembly,
        ["Grains"] = typeof(TrainingHosting).Assembly,
        ["Silo"] = typeof(SiloProgram).Assembly,
        ["LocalClusters"] = typeof(LocalCluster).Assembly,
        ["Chaos"] = typeof(FaultPlan).Assembly,
        ["Client"] = typeof(ErrorLine).Assembly,
        ["App"] = Assembly.Load("granary"),
        // Read, not used: it would bring all of Aspire along.
        ["AspireHosting"] = Assembly.LoadFrom(Repository.PathOf($"src/AspireHosting/bin/{new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name}/net10.0/Granary.AspireHosting.dll")),
    };

    public static TheoryData<string> Projects => [.. assemblies.Keys];

    [Theory]
    [InlineData("Contracts", "Training")]
    [InlineData("Training")]
    [InlineData("Torch", "Training")]
    [InlineData("Testing", "Torch", "Training")]
    [InlineData("Models", "Torch", "Training")]
    [InlineData("Grains", "Contracts", "Training")]
    [InlineData("Silo", "Contracts", "Grains", "Models", "Torch", "Training")]
    [InlineData("LocalClusters", "Contracts", "Grains", "Silo", "Training")]
    [InlineData("Chaos", "Contracts", "Grains", "LocalClusters", "Silo", "Training")]
    [InlineData("Client", "Chaos", "Contracts", "LocalClusters", "Silo", "Training")]
    [InlineData("App", "Client")]
    [InlineData("AspireHosting")]
    public void Project_UsesNoOtherThanThoseDrawn(string project, params string[] allowed) =>
        Assert.Empty(ReferencesOf(project, "Granary.").Except(allowed));

    [Theory]
    [InlineData("TorchSharp", "Torch", "Testing", "Models")]
    [InlineData("Orleans.", "Contracts", "Grains", "Silo", "LocalClusters")]
    [InlineData("Orleans.TestingHost", "LocalClusters")]
    [InlineData("Grpc.", "Contracts", "Silo", "Chaos", "Client")]
    [InlineData("OpenTelemetry", "Silo")]
    [InlineData("Spectre.", "Client")]
    [InlineData("Aspire.", "AspireHosting")]
    public void Dependency_HasItsHome(string dependency, params string[] homes) =>
        Assert.Empty(assemblies.Keys.Where(project => ReferencesOf(project, dependency).Any()).Except(homes));

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_OfAProject_UseOneAnotherInOneDirection(string project) => Assert.Equal([], NamespaceArrows.Of(assemblies[project].Location).Cycle());

    private static IEnumerable<string> ReferencesOf(string project, string prefix) => assemblies[project].GetReferencedAssemblies()
        .Select(reference => reference.Name!)
        .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .Select(name => name[prefix.Length..]);
}
