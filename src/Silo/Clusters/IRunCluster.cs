namespace Granary.Silo.Clusters;

/// <summary>A cluster that was started for some runs, and is stopped with this object.</summary>
public interface IRunCluster : IAsyncDisposable
{
    /// <summary>Where it takes gRPC calls.</summary>
    Uri Server { get; }
}

/// <summary>A cluster or silo cannot start. The message says why and what to do.</summary>
public sealed class ClusterStartException(string message, Exception? inner = null) : Exception(message, inner);
