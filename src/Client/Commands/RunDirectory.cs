using Granary.Client.Views;
using Granary.Silo;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary>A run directory that a user names: what is in it, damaged checkpoints named on the error stream. It may lie on a file system that hangs.</summary>
internal static class RunDirectory
{
    /// <summary>Newest first, one at least.</summary>
    /// <exception cref="UserErrorException">No whole checkpoint lies in it.</exception>
    public static List<Checkpoint> Checkpoints(string directory) => Read(directory, store => store.All(Warn).ToList()) is { Count: > 0 } all ? all : throw None(directory);

    /// <exception cref="UserErrorException">No whole checkpoint lies in it.</exception>
    public static Checkpoint Newest(string directory) => NewestIfAny(directory) ?? throw None(directory);

    /// <summary>The newest whole checkpoint; <see langword="null"/>: none lies in it, or it is not there.</summary>
    public static Checkpoint? NewestIfAny(string directory) => Read(directory, store => store.Latest(Warn));

    /// <param name="data">Data to use in place of the run's. Default: the run's.</param>
    public static TrainedModel OpenModel(string directory, string? data = null) => Read(directory, _ => TrainedModel.Open(directory, data, Warn));

    /// <summary>The run as it was asked for, to go on in this directory.</summary>
    public static RunSpec SpecOf(CheckpointManifest manifest, string directory) => manifest.Spec with
    {
        RunId = RunNames.New(directory),
        Output = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)),
        Resume = true,
    };

    /// <summary>Tells on the error stream of programs of other versions that the run was made with.</summary>
    public static void WarnOfVersions(CheckpointManifest manifest)
    {
        foreach (var (program, version) in manifest.Spec.Versions)
        {
            if (GranaryEnvironment.Versions.GetValueOrDefault(program) is var here && here != version)
            {
                Console.Error.WriteLine($"warning: the run was made with {program} {version}, this is {here ?? "none"}: the weights may not be those of a run that was never stopped.");
            }
        }
    }

    private static T Read<T>(string directory, Func<CheckpointStore, T> read)
    {
        using var reminder = new Reminder($"{directory} to be read");
        return read(new(directory));
    }

    private static UserErrorException None(string directory) => new($"No whole checkpoint lies in {Path.GetFullPath(directory)}. Is it the directory of a run (--out)?");

    private static void Warn(CheckpointException damage) => Console.Error.WriteLine($"warning: {Shown.OneLine(damage.Message)} It is passed over.");
}
