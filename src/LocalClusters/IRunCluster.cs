namespace Granary.LocalClusters;

/// <summary>A cluster that was started for some runs, and is stopped with this object.</summary>
public interface IRunCluster : IAsyncDisposable
{
    /// <summary>Where it takes gRPC calls.</summary>
    Uri Server { get; }

    /// <summary>Where it serves the page.</summary>
    Uri Page { get; }
}
