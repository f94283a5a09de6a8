using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.Settling;

/// <summary>How a spec is completed, once and in one place, before anybody trains it.</summary>
public static class SpecSettlement
{
    /// <summary>
    /// Checks everything, completes the settings by the task's defaults and names by their roots, and adds the versions and the hashes of the files that the
    /// run reads (or compares the hashes, if the spec is that of an earlier run).
    /// </summary>
    /// <param name="versions">Of this program.</param>
    /// <param name="roots">What the spec's paths are relative to. Default: they are whole.</param>
    /// <exception cref="SpecException"/>
    /// <exception cref="UnknownTaskException"/>
    /// <exception cref="TaskSettingException"/>
    /// <exception cref="PathRootException">A path leads out of its root.</exception>
    /// <exception cref="TrainingDataException">Files are not there, or are not those that the run began with.</exception>
    public static RunSpec Settle(RunSpec spec, TaskCatalog tasks, IReadOnlyDictionary<string, string> versions, PathRoots? roots = null)
    {
        SpecRules.Check(spec, tasks);
        var task = tasks[spec.Task];
        spec = SpecPaths.Settle(spec, task, roots);
        SpecPaths.ConfirmOutput(spec, roots);
        SpecPaths.ConfirmInputs(spec, task, roots);
        return spec with
        {
            Settings = TaskSettings.Complete(task, spec.Settings),
            InitMap = InitMapOf(spec, task),
            DataFiles = DataContent.Confirm(spec, task),
            InitFiles = DataContent.ConfirmInit(spec),
            SettingFiles = DataContent.ConfirmSettings(spec, task),
            Versions = versions,
            Device = !task.UsesDevices ? DeviceName.Any : spec.Device == DeviceName.Any ? DeviceName.Cpu : spec.Device,
        };
    }

    /// <summary>The rules for the names of weights that a run begins with: its own, or else those of the task.</summary>
    public static IReadOnlyList<string> InitMapOf(TrainingSpec spec, ITrainingTask task) => spec is { Init: not null, InitMap.Count: 0 } ? task.InitMap : spec.InitMap;
}
