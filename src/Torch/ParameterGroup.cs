namespace Granary.Torch;

/// <summary>Parameters that learn otherwise than the others of their phase.</summary>
/// <param name="Has">Whether a parameter belongs to it, by its name in <c>state_dict</c> (behind the name of its network, if that has one).</param>
/// <param name="RateFactor">Multiplies the phase's learning rate. Default: 1.</param>
/// <param name="WeightDecay">Takes the place of the phase's weight decay. Default: the phase's.</param>
public sealed record ParameterGroup(Func<string, bool> Has, double RateFactor = 1, double? WeightDecay = null);
