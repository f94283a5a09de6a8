namespace Granary.Training.Loop;

/// <summary>Where a replica stands: steps committed, and how many phases of the next one are applied. Later ones are greater.</summary>
public readonly record struct Position(long Step, int Phase = 0) : IComparable<Position>
{
    /// <inheritdoc/>
    public int CompareTo(Position other) => (Step, Phase).CompareTo((other.Step, other.Phase));

    /// <inheritdoc/>
    public override string ToString() => Phase == 0 ? $"step {Step}" : $"step {Step}, phase {Phase}";
}
