using Granary.Contracts;
using Granary.Training.Tasks;

namespace Granary.Silo.Faults;

/// <summary>What a plan of faults must know of a run.</summary>
public sealed record RunShape(long TotalSteps, int Phases)
{
    /// <summary>Loads the run's data to find out.</summary>
    public static RunShape Of(RunSpec run)
    {
        var environment = GranaryEnvironment.ForTraining();
        var task = environment.Tasks[run.Task];
        using var replica = task.CreateReplica(new()
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
        return new(replica.TotalSteps, replica.Phases.Count);
    }
}
