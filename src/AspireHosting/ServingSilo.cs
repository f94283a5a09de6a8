using Aspire.Hosting.ApplicationModel;

namespace Granary.AspireHosting;

/// <summary>A silo from when it serves until it does no longer.</summary>
internal sealed class ServingSilo(IResourceWithEndpoints silo)
{
    private readonly CancellationTokenSource gone = new();

    public IResourceWithEndpoints Silo => silo;

    public CancellationToken Gone => gone.Token;

    public void Leave() => gone.Cancel();
}
