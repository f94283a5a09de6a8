using System.Collections.Concurrent;
using System.Security.Cryptography;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Training.Runs;

/// <summary>What the files of a run's data hold, as SHA-256 by name.</summary>
public static class DataContent
{
    /// <summary>More files than these, such as pictures by class, are told as one, so that a spec stays small.</summary>
    private const int MostNamed = 64;

    private const string Cure = "Give the run its data back, say with --data where they lie, or train anew.";

    // A file is hashed once for each size and time of change.
    private static readonly ConcurrentDictionary<string, (FileStamp Stamp, string Hash)> known = new(StringComparer.Ordinal);

    /// <summary>
    /// The hashes of the files that the run reads here. They must be those that the spec names, if it names any: then these
    /// are the data that the run began with.
    /// </summary>
    /// <exception cref="TrainingDataException">A file is missing, cannot be read, or holds something else. The message names it.</exception>
    public static IReadOnlyDictionary<string, string> Confirm(TrainingSpec spec, ITrainingTask task)
    {
        if (spec.Data is not { } data)
        {
            return new Dictionary<string, string>();
        }
        var here = Of(data, task.DataFiles(data));
        if (spec.DataFiles.Count == 0)
        {
            return here;
        }
        // A single file is the same under whatever name.
        var single = here.Count == 1 && spec.DataFiles.Count == 1;
        foreach (var (name, hash) in spec.DataFiles)
        {
            var found = single ? here.Values.Single() : here.GetValueOrDefault(name)
                ?? throw new TrainingDataException($"The run reads '{name}' of its data, and '{data}' has no such file. {Cure}");
            if (found != hash)
            {
                throw new TrainingDataException($"'{(File.Exists(data) ? data : Path.Combine(data, name))}' is not what the run began with: its SHA-256 is {found}, the run's {hash}. {Cure}");
            }
        }
        return !single && here.Keys.Except(spec.DataFiles.Keys).FirstOrDefault() is { } added
            ? throw new TrainingDataException($"'{added}' has been added to the data in '{data}' since the run began. {Cure}")
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
            if (known.TryGetValue(file, out var entry) && entry.Stamp == stamp)
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
            known[file] = (stamp, hash);
            return hash;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new TrainingDataException($"'{file}' cannot be read: {error.Message}", error);
        }
    }
}
