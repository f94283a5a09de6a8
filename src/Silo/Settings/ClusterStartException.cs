namespace Granary.Silo.Settings;

/// <summary>A cluster or silo cannot start. The message says why and what to do.</summary>
public sealed class ClusterStartException(string message, Exception? inner = null) : Exception(message, inner);
