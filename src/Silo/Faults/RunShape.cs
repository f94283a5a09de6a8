using Granary.Contracts;
using Granary.Training.Tasks;

namespace Granary.Silo.Faults;

/// <summary>What a plan of faults must know of a run.</summary>
public sealed class RunShape : IDisposable
{
    private readonly ITrainingReplica replica;

    /// <summary>Loads the run's data to find out.</summary>
    public RunShape(RunSpec run)
    {
        var environment = GranaryEnvironment.ForTraining();
        var task = environment.Tasks[run.Task];
        replica = task.CreateReplica(new()
        {
            Task = run.Task,
            Seed = run.Seed,
            Shards = run.Shards,
            Steps = run.Steps,
            Epochs = run.Epochs,
            Data = run.Data,
            Settings = TaskSettings.Complete(task, run.Settings),
            Switches = environment.Switches,
        });
    }

    public long TotalSteps => replica.TotalSteps;

    /// <summary>The phases that take place in a step.</summary>
    public IReadOnlyList<int> PhasesAt(long step) => [.. Enumerable.Range(0, replica.Phases.Count).Where(phase => replica.Happens(phase, step))];

    public void Dispose() => replica.Dispose();
}
