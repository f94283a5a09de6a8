using Granary.Silo;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Chaos;

/// <summary>What a plan of faults must know of a run.</summary>
public sealed class RunShape : IDisposable
{
    private readonly ITrainingReplica replica;

    /// <summary>Loads the run's data to find out.</summary>
    public RunShape(RunSpec run)
    {
        var environment = GranaryEnvironment.ForTraining();
        replica = environment.Tasks[run.Task].CreateReplica(environment.Settle(run));
    }

    public long TotalSteps => replica.TotalSteps;

    /// <summary>The phases that take place in a step.</summary>
    public IReadOnlyList<int> PhasesAt(long step) => [.. Enumerable.Range(0, replica.Phases.Count).Where(phase => replica.Happens(phase, step))];

    public void Dispose() => replica.Dispose();
}
