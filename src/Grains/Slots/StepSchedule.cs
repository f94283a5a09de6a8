using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Grains.Slots;

/// <summary>What is done after which steps, by the spec and by what was learned: the same on all workers.</summary>
internal sealed class StepSchedule(RunSpec run, Measure measure)
{
    public bool ComparesAt(long step, Metrics metrics) => step % run.VerifyEvery == 0 || IsCheckpointDue(step) || IsMeasured(metrics);

    public bool IsCheckpointDue(long step) => run.CheckpointEvery > 0 && step % run.CheckpointEvery == 0;

    public bool AreHistogramsDue(long step) => run.HistogramsEvery > 0 && step % run.HistogramsEvery == 0;

    /// <summary>Whether the step ended with a validation.</summary>
    public bool IsMeasured(Metrics metrics) => measure.Occasional && metrics.TryGet(measure.Metric, out _);
}
