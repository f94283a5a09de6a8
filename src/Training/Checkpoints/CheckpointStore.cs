using System.Globalization;
using System.Security.Cryptography;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>A checkpoint on disk that was found whole.</summary>
public sealed record Checkpoint(string Directory, CheckpointManifest Manifest)
{
    public string ModelPath => Path.Combine(Directory, CheckpointStore.ModelFile);
}

/// <summary>
/// The checkpoints of a run, a directory each, named by the step. A checkpoint appears under its name only when all of it
/// is on disk, and is trusted only if every byte is still as it was written.
/// </summary>
public sealed class CheckpointStore(string runDirectory)
{
    public const string ModelFile = "model.safetensors", TrainingFile = "optimizer.safetensors";
    private const string PartialPrefix = ".partial-";

    private readonly string root = Path.Combine(runDirectory, "checkpoints");

    /// <summary>Writes and syncs the files, then the manifest, then renames the directory into place.</summary>
    /// <param name="manifest">Complete but for the files' hashes.</param>
    public Checkpoint Write(ReplicaState state, CheckpointManifest manifest)
    {
        var target = DirectoryOf(manifest.Step);
        var partial = Path.Combine(root, PartialPrefix + Path.GetFileName(target));
        DeleteIfThere(partial);
        Directory.CreateDirectory(partial);
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [ModelFile] = WriteTensors(Path.Combine(partial, ModelFile), state, StateKind.Model),
            [TrainingFile] = WriteTensors(Path.Combine(partial, TrainingFile), state, StateKind.Training),
        };
        manifest = manifest with { Files = files };
        using (var stream = Create(Path.Combine(partial, CheckpointManifest.FileName)))
        {
            stream.Write(manifest.ToBytes());
            stream.Flush(flushToDisk: true);
        }
        DeleteIfThere(target);
        Directory.Move(partial, target);
        return new(target, manifest);
    }

    /// <summary>Steps for which there is a checkpoint, whole or not, newest first.</summary>
    public IReadOnlyList<long> Steps() => !Directory.Exists(root) ? [] :
    [
        .. Directory.EnumerateDirectories(root)
            .Select(Path.GetFileName)
            .Where(name => long.TryParse(name, CultureInfo.InvariantCulture, out _))
            .Select(name => long.Parse(name!, CultureInfo.InvariantCulture))
            .OrderDescending(),
    ];

    /// <summary>Reads the checkpoint's manifest and checks every file against it.</summary>
    /// <exception cref="CheckpointException">Something is missing or altered; the message names it.</exception>
    public Checkpoint Open(long step)
    {
        var directory = DirectoryOf(step);
        var manifestPath = Path.Combine(directory, CheckpointManifest.FileName);
        if (!File.Exists(manifestPath))
        {
            throw new CheckpointException($"{manifestPath} is missing.");
        }
        var manifest = CheckpointManifest.Parse(File.ReadAllBytes(manifestPath), manifestPath);
        foreach (var (name, expected) in manifest.Files)
        {
            var path = Path.Combine(directory, name);
            if (!File.Exists(path))
            {
                throw new CheckpointException($"{path} is missing.");
            }
            using var stream = File.OpenRead(path);
            if (Convert.ToHexStringLower(SHA256.HashData(stream)) != expected)
            {
                throw new CheckpointException($"{path} was altered after it was written.");
            }
        }
        return new(directory, manifest);
    }

    /// <summary>The newest whole checkpoint; damaged ones are reported and passed over.</summary>
    public Checkpoint? Latest(Action<CheckpointException>? skipped = null) => All(skipped).FirstOrDefault();

    /// <summary>The best whole checkpoint by its measure; the newest if none has been validated.</summary>
    public Checkpoint? Best(Action<CheckpointException>? skipped = null)
    {
        var all = All(skipped).ToList();
        return all.Where(checkpoint => checkpoint.Manifest is { Measure.Occasional: true, Score: not null })
            .OrderBy(checkpoint => (checkpoint.Manifest.Measure.LowerIsBetter ? 1 : -1) * checkpoint.Manifest.Score!.Value)
            .FirstOrDefault() ?? all.FirstOrDefault();
    }

    /// <summary>Whole checkpoints, newest first, checked one by one as they are asked for.</summary>
    public IEnumerable<Checkpoint> All(Action<CheckpointException>? skipped = null)
    {
        foreach (var step in Steps())
        {
            Checkpoint checkpoint;
            try
            {
                checkpoint = Open(step);
            }
            catch (CheckpointException damage)
            {
                skipped?.Invoke(damage);
                continue;
            }
            yield return checkpoint;
        }
    }

    /// <summary>Puts a replica into the state of a checkpoint.</summary>
    public static void Load(Checkpoint checkpoint, ITrainingReplica replica)
    {
        LoadModel(checkpoint, replica);
        Safetensors.Read(Path.Combine(checkpoint.Directory, TrainingFile), replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Training));
        replica.State.Scalars.Clear();
        foreach (var (name, value) in checkpoint.Manifest.Scalars)
        {
            replica.State.Scalars.Add(name, value);
        }
        replica.StateRestored();
    }

    /// <summary>Loads the model alone: enough to use it, not to train on.</summary>
    public static void LoadModel(Checkpoint checkpoint, ITrainingReplica replica)
    {
        Safetensors.Read(checkpoint.ModelPath, replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model));
        replica.StateRestored();
    }

    /// <summary>Deletes all but the newest <paramref name="keep"/> and the best.</summary>
    /// <param name="best">Step of the best checkpoint.</param>
    public void Prune(int keep, long? best)
    {
        foreach (var step in Steps().Skip(keep).Where(step => step != best))
        {
            Directory.Delete(DirectoryOf(step), recursive: true);
        }
    }

    private string DirectoryOf(long step) => Path.Combine(root, step.ToString("D8", CultureInfo.InvariantCulture));

    private static string WriteTensors(string path, ReplicaState state, StateKind kind)
    {
        using var stream = Create(path);
        Safetensors.Write(stream, state.Tensors.Where(tensor => tensor.Kind == kind));
        stream.Flush(flushToDisk: true);
        stream.Position = 0;
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static FileStream Create(string path) => new(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 20);

    private static void DeleteIfThere(string directory)
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
