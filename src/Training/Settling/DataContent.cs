using System.Collections.Concurrent;
using System.Security.Cryptography;
using Granary.Training.Checkpoints;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Training.Settling;

/// <summary>What the files that a run reads hold, as SHA-256 by name.</summary>
public static class DataContent
{
    /// <summary>More files than this, such as pictures by class, get one hash together, so that a spec stays small.</summary>
    private const int MostNamed = 64;

    private static readonly Files data = new("data", "Give the run its data back, say with --data where they lie, or train anew.");
    private static readonly Files weights = new("initial weights", "Put them back as they were, or train anew.");

    private static readonly Files named = new("files that its settings name", "Put them back as they were, or train anew.");

    // A file is hashed once for each size and time of change.
    private static readonly ConcurrentDictionary<string, (FileStamp Stamp, string Hash)> hashed = new(StringComparer.Ordinal);

    /// <summary>The same of the weights that the run begins with.</summary>
    /// <inheritdoc cref="Confirm(TrainingSpec, ITrainingTask)"/>
    public static IReadOnlyDictionary<string, string> ConfirmInit(TrainingSpec spec) =>
        spec.Init is { } path ? Confirm(path, InitialWeights.FilesAt(path), spec.InitFiles, weights) : new Dictionary<string, string>();

    /// <summary>
    /// The hashes of the files of its data that the run reads here. They must be those that the spec names, if it names any: then these
    /// are the data that the run began with.
    /// </summary>
    /// <exception cref="TrainingDataException">A file is missing, cannot be read, or holds something else. The message names it.</exception>
    public static IReadOnlyDictionary<string, string> Confirm(TrainingSpec spec, ITrainingTask task) =>
        spec.Data is { } path ? Confirm(path, task.DataFiles(path), spec.DataFiles, data) : new Dictionary<string, string>();

    /// <summary>The same of what the task's settings name: of the directory of a run, its best checkpoint.</summary>
    /// <inheritdoc cref="Confirm(TrainingSpec, ITrainingTask)"/>
    public static IReadOnlyDictionary<string, string> ConfirmSettings(TrainingSpec spec, ITrainingTask task)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (setting, path) in TaskSettings.PathsIn(task, spec))
        {
            var start = $"{setting}/";
            var known = spec.SettingFiles.Where(file => file.Key.StartsWith(start, StringComparison.Ordinal)).ToDictionary(file => file.Key[start.Length..], file => file.Value);
            var files = Directory.Exists(path) && new CheckpointStore(path).Best() is { } best ? TaskData.FilesAt(best.Directory) : TaskData.FilesAt(path);
            foreach (var (name, hash) in Confirm(path, files, known, named))
            {
                all.Add(start + name, hash);
            }
        }
        return all;
    }

    private static SortedDictionary<string, string> Confirm(string path, IReadOnlyList<string> files, IReadOnlyDictionary<string, string> known, Files what)
    {
        var here = Of(path, files);
        if (known.Count == 0)
        {
            return here;
        }
        // A single file is the same under whatever name.
        var single = here.Count == 1 && known.Count == 1;
        foreach (var (name, hash) in known)
        {
            var found = single ? here.Values.Single() : here.GetValueOrDefault(name)
                ?? throw new TrainingDataException($"The run reads '{name}' of its {what.Name}, and '{path}' has no such file. {what.Cure}");
            if (found != hash)
            {
                throw new TrainingDataException($"'{(File.Exists(path) ? path : Path.Combine(path, name))}' is not what the run began with: its SHA-256 is {found}, the run's {hash}. {what.Cure}");
            }
        }
        return !single && here.Keys.Except(known.Keys).FirstOrDefault() is { } added
            ? throw new TrainingDataException($"'{added}' has been added to the {what.Name} in '{path}' since the run began. {what.Cure}")
            : here;
    }

    private static SortedDictionary<string, string> Of(string data, IReadOnlyList<string> files)
    {
        var folder = Directory.Exists(data) ? data : Path.GetDirectoryName(Path.GetFullPath(data))!;
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            hashes.Add(Path.GetRelativePath(folder, file), HashOf(file));
        }
        if (hashes.Count <= MostNamed)
        {
            return hashes;
        }
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, hash) in hashes)
        {
            all.AppendData(System.Text.Encoding.UTF8.GetBytes($"{name}\0{hash}\n"));
        }
        return new(StringComparer.Ordinal) { [$"{hashes.Count} files"] = Convert.ToHexStringLower(all.GetHashAndReset()) };
    }

    private static string HashOf(string file)
    {
        try
        {
            var stamp = FileStamp.Of(file);
            if (hashed.TryGetValue(file, out var entry) && entry.Stamp == stamp)
            {
                return entry.Hash;
            }
            using var stream = RegularFile.Open(file);
            if (stream.Length == 0)
            {
                throw new TrainingDataException($"'{file}' is empty. Give the path of a file with data.");
            }
            var hash = Convert.ToHexStringLower(SHA256.HashData(stream));
            if (FileStamp.Of(file) != stamp)
            {
                throw new TrainingDataException($"'{file}' changes while it is read. Wait until it is whole.");
            }
            hashed[file] = (stamp, hash);
            return hash;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new TrainingDataException($"'{file}' cannot be read: {error.Message}", error);
        }
    }

    private sealed record Files(string Name, string Cure);
}
