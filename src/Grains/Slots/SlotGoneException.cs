namespace Granary.Grains.Slots;

/// <summary>A worker's node has left the cluster.</summary>
[GenerateSerializer]
public sealed class SlotGoneException(string message, Exception? inner = null) : OrleansException(message, inner!);
