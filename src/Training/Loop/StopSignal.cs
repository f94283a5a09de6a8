namespace Granary.Training.Loop;

/// <summary>Asks a worker, and through the next sum all workers of its round, to stop at the next step boundary.</summary>
public sealed class StopSignal
{
    // Frames are summed over the workers, of which there are fewer than this.
    private const float WithCheckpoint = 2 * Frames.ShardLedger.MostShards;

    /// <summary>What a worker adds if it only wants the states compared: together they stay below one, however many want it.</summary>
    internal const float Compare = 0.5f / Frames.ShardLedger.MostShards;

    private volatile float raised;

    /// <summary>Whether anybody has asked to stop.</summary>
    public bool IsRaised => raised > 0;

    /// <param name="checkpoint">Whether the run shall leave a checkpoint there, too.</param>
    public void Raise(bool checkpoint) => raised = checkpoint ? WithCheckpoint : Math.Max(raised, 1);

    /// <summary>What goes into the frame's control slot.</summary>
    internal float Control => raised;

    internal static bool AsksToStop(float sum) => sum >= 1;

    internal static bool AsksForCheckpoint(float sum) => sum >= WithCheckpoint;
}
