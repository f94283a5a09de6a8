using System.Reflection;
using Granary.Contracts;
using Granary.Grains;
using Granary.Models;
using Granary.Silo;
using Granary.Training.Tasks;

namespace Granary.Cluster.Tests;

/// <summary>The arrows of docs/architecture.md, read from the built assemblies.</summary>
public class ArchitectureTests
{
    private static readonly Dictionary<string, Assembly> assemblies = new Dictionary<string, Assembly>
    {
        ["Contracts"] = typeof(RunStatus).Assembly,
        ["Training"] = typeof(ITrainingTask).Assembly,
        ["Models"] = typeof(TwoLayerTask).Assembly,
        ["Grains"] = typeof(TrainingHosting).Assembly,
        ["Silo"] = typeof(SiloProgram).Assembly,
        ["Client"] = typeof(Granary.Client.TrainingClient).Assembly,
    };

    [Theory]
    [InlineData("Contracts", "Training")]
    [InlineData("Training")]
    [InlineData("Models", "Training")]
    [InlineData("Grains", "Contracts", "Training")]
    [InlineData("Silo", "Contracts", "Grains", "Models", "Training")]
    [InlineData("Client", "Contracts", "Silo", "Training")]
    public void Project_UsesNoOtherThanThoseDrawn(string project, params string[] allowed) =>
        Assert.Empty(ReferencesOf(project, "Granary.").Except(allowed));

    [Theory]
    [InlineData("TorchSharp", "Models")]
    [InlineData("Orleans.", "Contracts", "Grains", "Silo")]
    [InlineData("Grpc.", "Contracts", "Silo", "Client")]
    [InlineData("OpenTelemetry", "Silo")]
    [InlineData("Spectre.", "Client")]
    public void Dependency_HasItsHome(string dependency, params string[] homes) =>
        Assert.Empty(assemblies.Keys.Where(project => ReferencesOf(project, dependency).Any()).Except(homes));

    private static IEnumerable<string> ReferencesOf(string project, string prefix) => assemblies[project].GetReferencedAssemblies()
        .Select(reference => reference.Name!)
        .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .Select(name => name[prefix.Length..]);
}
