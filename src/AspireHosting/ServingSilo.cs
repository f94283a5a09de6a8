using Aspire.Hosting.ApplicationModel;

namespace Granary.AspireHosting;

/// <summary>A silo from when it is healthy for the first time until it runs no longer.</summary>
internal sealed class ServingSilo(IResourceWithEndpoints silo)
{
    private readonly CancellationTokenSource gone = new();

    public IResourceWithEndpoints Silo => silo;

    /// <summary>Whether it has answered when it was last asked. One that is busy may not, and goes on with what it does.</summary>
    public bool IsHealthy { get; set; } = true;

    public CancellationToken Gone => gone.Token;

    public void Leave() => gone.Cancel();
}
