namespace Granary.Torch;

/// <summary>Parameters that learn otherwise than the others of their phase.</summary>
/// <param name="Has">Whether a parameter belongs to it, by the name that it has in <c>state_dict</c> (with that of its network before it, if it has one).</param>
/// <param name="RateFactor">Multiplies the phase's learning rate. Default: 1.</param>
/// <param name="WeightDecay">In place of the phase's. Default: that of the phase.</param>
public sealed record ParameterGroup(Func<string, bool> Has, double RateFactor = 1, double? WeightDecay = null);
