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
        if (spec.Init is not null)
        {
            // What lies beside the weights may name more files.
            spec = WithInit(spec, task);
            SpecPaths.ConfirmInputs(spec, task, roots);
        }
        return spec with
        {
            Settings = TaskSettings.Complete(task, spec.Settings),
            DataFiles = DataContent.Confirm(spec, task),
            InitFiles = DataContent.ConfirmInit(spec),
            SettingFiles = DataContent.ConfirmSettings(spec, task),
            Versions = versions,
            Device = !task.UsesDevices ? DeviceName.Any : spec.Device == DeviceName.Any ? DeviceName.Cpu : spec.Device,
        };
    }

    /// <summary>
    /// The spec with what follows from the weights that it begins with: their rules for names, its own or else those of the task, and the settings that
    /// their <c>config.json</c> tells, where it has none of its own.
    /// </summary>
    /// <exception cref="TrainingDataException">The <c>config.json</c> cannot be read, or is of a network that the task does not have.</exception>
    public static TSpec WithInit<TSpec>(TSpec spec, ITrainingTask task) where TSpec : TrainingSpec
    {
        // Of a run that has begun, all is settled.
        if (spec is not { Init: { } path, InitFiles.Count: 0 })
        {
            return spec;
        }
        TrainingSpec begun = spec;
        var told = task.HuggingFace is { } format && HuggingFaceConfig.At(path) is { } config ? format.SettingsOf(config) : new Dictionary<string, string>();
        return (TSpec)(begun with
        {
            InitMap = spec.InitMap.Count == 0 ? task.InitMap : spec.InitMap,
            Settings = told.Concat(spec.Settings).GroupBy(setting => setting.Key).ToDictionary(setting => setting.Key, setting => setting.Last().Value),
        });
    }
}
