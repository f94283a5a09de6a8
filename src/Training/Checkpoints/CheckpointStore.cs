using System.Globalization;
using System.Security.Cryptography;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>A checkpoint on disk that was found whole.</summary>
public sealed record Checkpoint(string Directory, CheckpointManifest Manifest)
{
    /// <summary>The file of its weights.</summary>
    public string ModelPath => Path.Combine(Directory, CheckpointStore.ModelFile);
}

/// <summary>
/// The checkpoints of a run, a directory each, named by the step. A checkpoint appears under its name only when all of it
/// is on disk, and is trusted only if every byte is still as it was written.
/// </summary>
/// <param name="create">Makes a checkpoint's files, for tests of disks that are slow or full. Default: plain files.</param>
public sealed partial class CheckpointStore(string runDirectory, Func<string, FileStream>? create = null)
{
    /// <summary>The files of a checkpoint: its weights, and all else that training needs.</summary>
    public const string ModelFile = "model.safetensors", TrainingFile = "optimizer.safetensors";

    /// <summary>The files that every checkpoint has. Others may lie beside them.</summary>
    internal static readonly string[] StateFiles = [ModelFile, TrainingFile];

    private readonly string root = Path.Combine(runDirectory, "checkpoints");

    /// <summary>Steps for which there is a checkpoint, whole or not, newest first.</summary>
    public IReadOnlyList<long> Steps() => !Directory.Exists(root) ? [] :
        [.. Directory.EnumerateDirectories(root).Select(StepOf).OfType<long>().OrderDescending()];

    /// <summary>Reads the checkpoint's manifest and checks every file against it, and that the insides make sense.</summary>
    /// <exception cref="CheckpointException">Something is missing, altered or no checkpoint at all; the message names it.</exception>
    public Checkpoint Open(long step)
    {
        var directory = DirectoryOf(step);
        try
        {
            var checkpoint = new Checkpoint(directory, ReadManifest(step));
            foreach (var (name, expected) in checkpoint.Manifest.Files)
            {
                CheckFile(Path.Combine(directory, name), expected);
            }
            foreach (var name in StateFiles)
            {
                Safetensors.DemandFloats(Path.Combine(directory, name));
            }
            CheckWeights(checkpoint, WeightsHash.OfFile(checkpoint.ModelPath));
            return checkpoint;
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new CheckpointException($"{directory} cannot be read: {error.Message}", error);
        }
    }

    /// <summary>The checkpoint in a directory; <see langword="null"/>: it does not have the name of one.</summary>
    /// <exception cref="CheckpointException">It is not whole.</exception>
    public static Checkpoint? At(string directory)
    {
        directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        var store = Path.GetDirectoryName(Path.GetDirectoryName(directory)) is { } run ? new CheckpointStore(run) : null;
        return store?.StepOf(directory) is { } step && Directory.Exists(directory) ? store.Open(step) : null;
    }

    /// <summary>The newest whole checkpoint; damaged ones are reported and passed over.</summary>
    public Checkpoint? Latest(Action<CheckpointException>? skipped = null) => All(skipped).FirstOrDefault();

    /// <summary>The best whole checkpoint by its measure; the newest if none has been validated.</summary>
    public Checkpoint? Best(Action<CheckpointException>? skipped = null)
    {
        var all = All(skipped).ToList();
        var best = BestOf([.. all.Select(checkpoint => checkpoint.Manifest)]);
        return all.FirstOrDefault(checkpoint => checkpoint.Manifest == best) ?? all.FirstOrDefault();
    }

    /// <summary>The checkpoints' manifests, newest first; damaged ones are passed over. The other files are not looked at.</summary>
    public IEnumerable<CheckpointManifest> Manifests()
    {
        foreach (var step in Steps())
        {
            CheckpointManifest manifest;
            try
            {
                manifest = ReadManifest(step);
            }
            catch (CheckpointException)
            {
                continue;
            }
            yield return manifest;
        }
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
    /// <exception cref="CheckpointException">
    /// It is of another model, or has changed since it was opened: the replica's state is no good any more. If scalars or assets differ, no tensor has been touched.
    /// </exception>
    public static void Load(Checkpoint checkpoint, ITrainingReplica replica)
    {
        if (replica.State.Scalars.Keys.FirstOrDefault(name => !checkpoint.Manifest.Scalars.ContainsKey(name)) is { } missing)
        {
            throw new CheckpointException($"{checkpoint.Directory} tells no '{missing}'. Was it written by another version of Granary? Go on with that one, or train anew.");
        }
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
    /// <exception cref="CheckpointException">It is not a checkpoint of such a replica. If assets differ, no tensor has been touched.</exception>
    public static void LoadModel(Checkpoint checkpoint, ITrainingReplica replica)
    {
        checkpoint.DemandAssetsOf(replica.State);
        Safetensors.Read(checkpoint.ModelPath, replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model));
        CheckWeights(checkpoint, WeightsHash.Of(replica.State));
        replica.StateRestored();
    }

    /// <summary>Where the checkpoint of a step lies, if there is one.</summary>
    public string DirectoryOf(long step) => Path.Combine(root, step.ToString("D8", CultureInfo.InvariantCulture));

    /// <summary><see langword="null"/>: the directory does not have the name of a checkpoint.</summary>
    private long? StepOf(string directory) =>
        long.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var step) && directory == DirectoryOf(step) ? step : null;

    private static void CheckFile(string path, string expected)
    {
        if (!File.Exists(path))
        {
            throw new CheckpointException($"{path} is missing.");
        }
        using var stream = RegularFile.Open(path, followLink: false);
        if (Convert.ToHexStringLower(SHA256.HashData(stream)) != expected)
        {
            throw new CheckpointException($"{path} was altered after it was written.");
        }
    }

    private static void CheckWeights(Checkpoint checkpoint, string hash)
    {
        if (hash != checkpoint.Manifest.WeightsSha256)
        {
            throw new CheckpointException($"{checkpoint.ModelPath} holds the weights {hash}, its manifest tells of {checkpoint.Manifest.WeightsSha256}.");
        }
    }

    private CheckpointManifest ReadManifest(long step)
    {
        var path = Path.Combine(DirectoryOf(step), CheckpointManifest.FileName);
        try
        {
            var manifest = CheckpointManifest.Read(path);
            return manifest.Step == step ? manifest : throw new CheckpointException($"{path} is of step {manifest.Step}.");
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException($"{path} is missing.", error);
        }
    }

    /// <summary>The best by its measure; <see langword="null"/>: none has been validated. Among equals the oldest counts: later manifests repeat the last known value.</summary>
    public static CheckpointManifest? BestOf(IReadOnlyList<CheckpointManifest> newestFirst) =>
        newestFirst.Reverse().Aggregate((CheckpointManifest?)null, (best, manifest) => manifest.Beats(best) ? manifest : best);
}
