namespace Granary.Grains.Tests.Simulation;

/// <summary>What is watched, at every event.</summary>
[Flags]
internal enum Invariants
{
    /// <summary>At every worker rounds only grow, and nobody starts before the furthest.</summary>
    Rounds = 1,

    /// <summary>What is added comes from one round and one position, every shard once.</summary>
    Exchanges = 2,

    /// <summary>Whoever stands at a position has the one true state of it.</summary>
    States = 4,

    All = Rounds | Exchanges | States,
}

internal sealed class ProtocolViolation(string message) : Exception(message);
