using Granary.Training.Checkpoints;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.Settling;

/// <summary>All that a spec names on the silos' disks: the run directory, the data, the initial weights, and what settings name.</summary>
public static class SpecPaths
{
    private const string Output = "output", Data = "data", Init = "init";

    /// <summary>The spec with whole paths in place of names. Without roots they must be whole already.</summary>
    /// <param name="roots"><see langword="null"/>: the run is the machine's own user's, and its paths lead anywhere.</param>
    /// <exception cref="PathRootException">A path leads out of its root.</exception>
    /// <exception cref="SpecException">A path is not whole, and there is nothing that it could be relative to.</exception>
    internal static RunSpec Settle(RunSpec spec, ITrainingTask task, PathRoots? roots)
    {
        if (roots is null)
        {
            SpecRules.CheckPaths(spec);
            TaskSettings.PathsIn(task, spec).ToList().ForEach(setting => SpecRules.CheckWhole(setting.Name, setting.Path));
            return spec;
        }
        var settings = spec.Settings.ToDictionary();
        foreach (var (name, path) in TaskSettings.PathsIn(task, spec).ToList())
        {
            settings[name] = roots.Input(name, path);
        }
        return spec with
        {
            Output = roots.Output(Output, spec.Output),
            Data = spec.Data is { } data ? roots.Input(Data, data) : null,
            Init = spec.Init is { } weights ? roots.Input(Init, weights) : null,
            Settings = settings,
        };
    }

    /// <summary>Whether all lies below the roots of this machine, which may see other disks than the one that settled the spec.</summary>
    /// <exception cref="PathRootException">Something does not.</exception>
    /// <exception cref="TrainingDataException">Something is not there.</exception>
    public static void ConfirmInputs(TrainingSpec spec, ITrainingTask task, PathRoots? roots)
    {
        if (roots is null)
        {
            return;
        }
        if (spec.Data is { } data)
        {
            roots.ConfirmInput(Data, data, task.DataFiles(data));
        }
        if (spec.Init is { } weights)
        {
            roots.ConfirmInput(Init, weights, InitialWeights.FilesAt(weights).Concat(HuggingFaceConfig.PathAt(weights) is { } config ? [config] : []));
        }
        foreach (var (name, path) in TaskSettings.PathsIn(task, spec))
        {
            roots.ConfirmInput(name, path, TaskData.FilesAt(path));
        }
    }

    /// <summary>The same of the run directory.</summary>
    /// <exception cref="PathRootException"/>
    public static void ConfirmOutput(RunSpec spec, PathRoots? roots) => roots?.ConfirmOutput(Output, spec.Output);
}
