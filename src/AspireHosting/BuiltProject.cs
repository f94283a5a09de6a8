using Aspire.Hosting;

namespace Granary.AspireHosting;

/// <summary>A project that the app host's own build has built. Without this, each silo would build it once more at its start, all at once into one folder.</summary>
internal sealed class BuiltProject<TProject> : IProjectMetadata
    where TProject : IProjectMetadata, new()
{
    private readonly TProject project = new();

    public string ProjectPath => project.ProjectPath;

    public bool SuppressBuild => true;
}
