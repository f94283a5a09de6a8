using System.Diagnostics;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>What happened to a checkpoint: where it lies, or why it could not be written.</summary>
public sealed record CheckpointOutcome(long Step, Checkpoint? Written, TimeSpan Duration, Exception? Failure);

/// <summary>
/// Writes checkpoints in the background. Training waits for the copy to host memory, and for the disk only if the
/// checkpoint before is still being written. A failed write is reported and costs nothing else.
/// </summary>
/// <param name="keep">How many of the newest to keep; the best is kept besides.</param>
public sealed class CheckpointWriter(CheckpointStore store, int keep, Action<CheckpointOutcome> report) : IDisposable
{
    private StateSnapshot? snapshot;
    private Task writing = Task.CompletedTask;
    private (long Step, double Score)? best;

    /// <summary>Knows of checkpoints of an earlier session, so that their best is kept.</summary>
    public void Adopt(Checkpoint checkpoint) => Consider(checkpoint.Manifest);

    /// <summary>The best validated value so far.</summary>
    public double? Best => best?.Score;

    /// <summary>Whether a value of the measure is better than that of every checkpoint so far.</summary>
    public bool IsBest(double score, Measure measure) => best is not { } known || measure.IsBetter(score, known.Score);

    /// <param name="manifest">Complete but for hashes, which need the copied state.</param>
    public void Begin(ReplicaState state, CheckpointManifest manifest)
    {
        Complete();
        snapshot ??= new(state);
        snapshot.Take(state);
        Consider(manifest);
        var bestStep = best?.Step;
        writing = Task.Run(() => Write(manifest, bestStep));
    }

    /// <summary>Waits for the checkpoint that is being written.</summary>
    public void Complete() => writing.Wait();

    public void Dispose()
    {
        Complete();
        snapshot?.Dispose();
    }

    private void Write(CheckpointManifest manifest, long? bestStep)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var written = store.Write(snapshot!.State, manifest with { WeightsSha256 = WeightsHash.Of(snapshot.State) });
            store.Prune(keep, bestStep);
            report(new(manifest.Step, written, Stopwatch.GetElapsedTime(started), null));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            report(new(manifest.Step, null, Stopwatch.GetElapsedTime(started), error));
        }
    }

    private void Consider(CheckpointManifest manifest)
    {
        if (manifest is { Measure.Occasional: true, Score: { } score } && IsBest(score, manifest.Measure))
        {
            best = (manifest.Step, score);
        }
    }
}
