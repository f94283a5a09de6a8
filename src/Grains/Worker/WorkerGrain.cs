using Granary.Contracts;
using Granary.Grains.Slots;
using Granary.Training.Runs;
using Orleans.Concurrency;
using Orleans.Placement;

namespace Granary.Grains.Worker;

/// <summary>A thin front: holds nothing, so that losing the activation loses nothing.</summary>
[SlotPlacement, Immovable, Reentrant]
internal sealed class WorkerGrain(SlotHost slots) : Grain, IWorkerGrain
{
    private SlotSession Session => slots[this.GetPrimaryKeyString()];

    public Task<PrepareReply> PrepareAsync(RoundPlan plan, int worker) => Session.PrepareAsync(plan, worker);

    public Task<StartReply> StartAsync(string runId, long round, StartPoint start) => Session.StartAsync(runId, round, start);

    public Task<bool> WarmUpAsync(RunSpec run) => Session.WarmUpAsync(run);

    public Task<CheckpointReply> FindCheckpointAsync(string runId, long round, CheckpointRequest request) => Session.FindCheckpointAsync(runId, round, request);

    public Task StopAsync(string runId, long round, bool checkpoint)
    {
        Session.Stop(runId, round, checkpoint);
        return Task.CompletedTask;
    }

    public Task<RoundStateReply> GetRoundStateAsync(string runId, long round) => Task.FromResult(Session.RoundStateOf(runId, round));

    public Task ReleaseAsync(string runId, long round) => Session.ReleaseAsync(runId, round);
}
