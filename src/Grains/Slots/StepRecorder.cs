using Granary.Training.Exchange;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Grains.Slots;

/// <summary>Watches the committed steps of a worker, for whoever wants to know of them: the gate, the coordinator, the run directory.</summary>
internal sealed class StepRecorder : IStepObserver, IDisposable
{
    private readonly string runId, slot;
    private readonly ReplicaState state;
    private readonly IStepGate? gate;
    private readonly StepSchedule schedule;
    private readonly WorkerPulse pulse;
    private readonly RunKeeper? keeper;
    private (long Step, int Workers) agreed;

    /// <param name="run">The round's, with the switches that are in force.</param>
    /// <param name="alike">How many replicas are known to begin with this state.</param>
    public StepRecorder(SlotRound round, RunSpec run, ITrainingReplica replica, long from, int alike, IExchange exchange, SlotServices services)
    {
        (runId, slot, state, gate) = (run.RunId, round.Plan.Workers[round.Worker].Slot.Key, replica.State, services.Gate);
        (schedule, agreed) = (new(run, replica.Measure), (from, alike));
        pulse = new(round, run, exchange, services.Instruments, services.Time);
        keeper = round.Worker == 0 ? new(round, run, replica, from, schedule, pulse, services.Instruments, services.Time) : null;
    }

    public bool WantsComparison => keeper?.WantsCheckpoint == true;

    public bool ComparesAt(long step, Metrics metrics) => schedule.ComparesAt(step, metrics);

    public void StatesAgree(long step, int workers) => agreed = (step, workers);

    public void PhaseComputed(long step, int phase) => gate?.Computed(runId, slot, step, phase, state);

    public void Applying(long step, int phase) => keeper?.WaitForCopy();

    public void StepCommitted(long step, Metrics metrics, StepTimes times)
    {
        gate?.Committed(runId, slot, step);
        pulse.Beat(metrics, times);
        keeper?.StepCommitted(step, metrics, AgreedAt(step));
        pulse.Report(step);
    }

    /// <summary>See <see cref="RunKeeper.LeaveCheckpoint"/>.</summary>
    /// <returns>Why there is none; <see langword="null"/>: there is, or another worker leaves it.</returns>
    public string? LeaveCheckpoint(long step, bool isLast) => keeper?.LeaveCheckpoint(step, isLast, AgreedAt(step));

    /// <summary>The round has come to its end in good order.</summary>
    public void Finish(long step)
    {
        BreakOff();
        pulse.ReportLast(step);
    }

    /// <summary>See <see cref="RunKeeper.BreakOff"/>.</summary>
    public void BreakOff() => keeper?.BreakOff();

    public void Dispose()
    {
        pulse.Dispose();
        keeper?.Dispose();
    }

    /// <summary>0: nobody has compared the state of this step.</summary>
    private int AgreedAt(long step) => agreed.Step == step ? agreed.Workers : 0;
}
