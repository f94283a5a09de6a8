using Granary.Training.Loop;

namespace Granary.Grains.Tests.Simulation;

/// <summary>
/// Stands for a replica's state: every phase's sum goes into the hash, so that only who applied all of them, once and in
/// order, from workers that all stood where they should, has the one true hash of its position.
/// </summary>
internal static class HashChain
{
    public const int Phases = 2;

    public const ulong Initial = 0x9E3779B97F4A7C15;

    /// <summary>The gradient sum of shards from <paramref name="start"/> to before <paramref name="end"/>: it depends on the shards, not on how they are spread.</summary>
    public static ulong Gradients(ulong state, Position at, int start, int end)
    {
        var sum = 0UL;
        for (var shard = start; shard < end; shard++)
        {
            sum += Mix(Mix(state, (ulong)(at.Step * Phases + at.Phase)), (ulong)shard);
        }
        return sum;
    }

    public static ulong Apply(ulong state, ulong sum) => Mix(state, sum);

    public static Position Next(Position position) => position.Phase + 1 < Phases ? position with { Phase = position.Phase + 1 } : new(position.Step + 1);

    /// <summary>What an undisturbed single worker has, for each position up to the last.</summary>
    public static Dictionary<Position, ulong> Truth(int shards, long steps)
    {
        Dictionary<Position, ulong> truth = new() { [new(0)] = Initial };
        for (var at = new Position(0); at.Step < steps; at = Next(at))
        {
            truth[Next(at)] = Apply(truth[at], Gradients(truth[at], at, 0, shards));
        }
        return truth;
    }

    private static ulong Mix(ulong state, ulong value)
    {
        var mixed = (state ^ value * 0xBF58476D1CE4E5B9) + Initial;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
        return mixed ^ mixed >> 31;
    }
}
