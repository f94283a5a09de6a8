using Granary.Contracts;
using Granary.Grains.Nodes;
using Granary.Training.Checkpoints;
using Granary.Training.Files;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Settling;
using Granary.Training.Tasks;

namespace Granary.Grains.Slots;

/// <summary>The replica of a slot on its device, and where it stands. Belongs to the slot's thread.</summary>
internal sealed class SlotReplica(TrainingEnvironment environment, string device, TimeProvider time) : IDisposable
{
    private string? runId;
    private RunFolder? folder;

    /// <summary>Of the run that was made ready last; <see langword="null"/>: none was, or it is disposed of.</summary>
    public ITrainingReplica? Replica { get; private set; }

    public RunSpec? Spec { get; private set; }

    /// <summary><see langword="null"/>: its state is no good until it has been replaced.</summary>
    public Position? Position { get; set; }

    /// <summary>Why the task failed; whoever missed the report hears of it in the next round.</summary>
    public string? Failure { get; set; }

    /// <summary>Whether the state was found to differ from that of other workers: whoever missed the report hears of it in the next round.</summary>
    public bool Differs { get; set; }

    /// <summary>What the phases of the step in progress that are already applied have learned.</summary>
    public Metrics Metrics { get; } = [];

    /// <summary>Takes the run's directory for the round, or lets it go.</summary>
    /// <param name="plan"><see langword="null"/>: another worker keeps it.</param>
    /// <exception cref="RunFolderException"/>
    /// <exception cref="PathRootException"/>
    public void Keep(RoundPlan? plan)
    {
        folder?.Dispose();
        folder = null;
        try
        {
            folder = plan is null ? null : Take(plan);
        }
        catch (Exception broken) when (plan!.Number > 1 && broken is not RunFolderException && broken.IsStorageFault())
        {
            // Once it is under way, a run goes on without its disk.
        }
    }

    /// <summary>Keeps the replica if it is this run's already; else builds one, at step 0.</summary>
    public void MakeReady(RunSpec run)
    {
        // A replica that is built needs its data no more: they may be gone, or renewed for the next run.
        if (Replica is null || runId != run.RunId)
        {
            Spec = SpecOf(run);
            Create(run);
        }
    }

    /// <summary>Puts the replica at a step's beginning: that of its initial weights, or of a checkpoint.</summary>
    public void Restore(RunSpec run, long step)
    {
        if (step == 0)
        {
            Create(run);
            return;
        }
        Position = null;
        Differs = false;
        SpecPaths.ConfirmOutput(run, environment.Roots);
        CheckpointStore.Load(new CheckpointStore(run.Output).Open(step), Replica!);
        Position = new(step);
    }

    public void Dispose()
    {
        Keep(null);
        Forget();
    }

    private void Forget()
    {
        Replica?.Dispose();
        Replica = null;
        runId = Failure = null;
        Position = null;
        Differs = false;
    }

    private RunFolder Take(RoundPlan plan)
    {
        var spec = plan.Spec;
        SpecPaths.ConfirmOutput(spec, environment.Roots);
        // What no run has marked is a run's only if it has left a checkpoint there: runs are copied without their hidden files.
        if (Directory.Exists(spec.Output) && !RunFolder.IsMarked(spec.Output) && RunFolder.HoldsMore(spec.Output) && !new CheckpointStore(spec.Output).Manifests().Any())
        {
            throw new RunFolderException($"{spec.Output} is not empty, and no run's. Choose another --out.");
        }
        return RunFolder.Take(spec.Output, spec.RunId, isNew: !spec.Resume, time);
    }

    private void Create(RunSpec run)
    {
        Forget();
        var task = environment.Tasks[Spec!.Task];
        var built = task.CreateReplica(Spec, device);
        try
        {
            MemoryLimit.Check(built.MemoryNeeds, environment.MemoryLimit);
            environment.Limits.Check(built);
            InitialWeights.Load(Spec, built.State, task);
            built.StateRestored();
        }
        catch
        {
            built.Dispose();
            throw;
        }
        (Replica, runId) = (built, run.RunId);
        Position = new(0);
    }

    private RunSpec SpecOf(RunSpec run)
    {
        var task = environment.Tasks[run.Task];
        var switches = environment.SwitchesOf(task.UsesDevices ? device : DeviceName.Cpu);
        var before = run.Switches.Count == 0 || run.Switches.ContainsKey(DeviceName.Switch) ? run.Switches : run.Switches.Append(new(DeviceName.Switch, DeviceName.Cpu));
        foreach (var (name, value) in before)
        {
            if (switches.GetValueOrDefault(name) is var here && here != value)
            {
                throw new ArgumentException($"The run was made with {name}={value}, here it is {here ?? "unknown"}: the bits would differ. Resume it on a machine like the first, or give up the promise with --other-machine.");
            }
        }
        SpecPaths.ConfirmInputs(run, task, environment.Roots);
        return run with
        {
            Switches = switches,
            DataFiles = DataContent.Confirm(run, task),
            InitFiles = DataContent.ConfirmInit(run),
            SettingFiles = DataContent.ConfirmSettings(run, task),
        };
    }
}
