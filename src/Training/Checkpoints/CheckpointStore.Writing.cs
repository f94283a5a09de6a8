using System.Security.Cryptography;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

public sealed partial class CheckpointStore
{
    private const string PartialPrefix = ".partial-", DiscardedPrefix = ".discarded-";

    // Which hidden directories are this process's own, and in use.
    private static readonly string session = Guid.NewGuid().ToString("N")[..8];
    private static int hidden;

    /// <summary>
    /// Writes and syncs the files, then the manifest, then renames the directory into place. A whole checkpoint of the same
    /// step and weights that is there already is left as it is.
    /// </summary>
    /// <param name="manifest">Complete but for the files' hashes.</param>
    public Checkpoint Write(ReplicaState state, CheckpointManifest manifest)
    {
        if (Twin(manifest) is { } there)
        {
            return there;
        }
        var partial = Hidden(PartialPrefix, DirectoryOf(manifest.Step));
        try
        {
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
            return PutInPlace(partial, manifest);
        }
        catch
        {
            Try(() => Directory.Delete(partial, recursive: true));
            throw;
        }
    }

    /// <summary>
    /// Deletes the checkpoints before the newest <paramref name="keep"/>, but for the best. What cannot be deleted now is
    /// left to the next time.
    /// </summary>
    /// <param name="upTo">The step just written. Later ones are of a course that is repeated, and not known to be whole.</param>
    public void Prune(int keep, long upTo) => Try(() =>
    {
        var known = Manifests().Where(manifest => manifest.Step <= upTo).ToList();
        var best = BestOf(known)?.Step;
        var oldest = known.ElementAtOrDefault(Math.Max(keep, 1) - 1)?.Step;
        foreach (var step in Steps().Where(step => step < oldest && step != best))
        {
            Try(() => Discard(DirectoryOf(step)));
        }
    });

    /// <summary>Deletes what killed processes left half written or half deleted. For the begin of a round.</summary>
    public void Sweep() => Try(() =>
    {
        foreach (var directory in Directory.Exists(root) ? Directory.GetDirectories(root, ".*") : [])
        {
            var name = Path.GetFileName(directory);
            if (name.StartsWith(DiscardedPrefix, StringComparison.Ordinal))
            {
                Try(() => Directory.Delete(directory, recursive: true));
            }
            else if (name.StartsWith(PartialPrefix, StringComparison.Ordinal) && !name.Contains(session, StringComparison.Ordinal))
            {
                Try(() => Discard(directory));
            }
        }
    });

    private Checkpoint PutInPlace(string partial, CheckpointManifest manifest)
    {
        var target = DirectoryOf(manifest.Step);
        if (Directory.Exists(target) && Twin(manifest) is null)
        {
            Discard(target);
        }
        try
        {
            Directory.Move(partial, target);
            return new(target, manifest);
        }
        catch (IOException) when (Twin(manifest) is not null)
        {
            // Another process, taken for dead, came first. Its checkpoint is as good: a step is a pure function.
            Try(() => Directory.Delete(partial, recursive: true));
            return Open(manifest.Step);
        }
    }

    /// <summary>The whole checkpoint of the same step and weights, if it is there.</summary>
    private Checkpoint? Twin(CheckpointManifest manifest)
    {
        try
        {
            return Directory.Exists(DirectoryOf(manifest.Step)) && ReadManifest(manifest.Step).WeightsSha256 == manifest.WeightsSha256 ? Open(manifest.Step) : null;
        }
        catch (Exception error) when (error is CheckpointException || error.IsStorageFault())
        {
            return null;
        }
    }

    // Out of sight before it is deleted: a process killed on the way leaves no half of a checkpoint under its name, and one
    // that still writes there cannot rename what is left into place.
    private void Discard(string directory)
    {
        var discarded = Hidden(DiscardedPrefix, directory);
        Directory.Move(directory, discarded);
        Try(() => Directory.Delete(discarded, recursive: true));
    }

    private string Hidden(string prefix, string directory) =>
        Path.Combine(root, $"{prefix}{Path.GetFileName(directory)}-{session}-{Interlocked.Increment(ref hidden)}");

    private string WriteTensors(string path, ReplicaState state, StateKind kind)
    {
        using var stream = Create(path);
        Safetensors.Write(stream, state.Tensors.Where(tensor => tensor.Kind == kind));
        stream.Flush(flushToDisk: true);
        stream.Position = 0;
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private FileStream Create(string path) => create is null
        ? new(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 20)
        : create(path);

    // Housekeeping: what fails now is tried again by the next to come here.
    private static void Try(Action act)
    {
        try
        {
            act();
        }
        catch (Exception error) when (error.IsStorageFault())
        {
        }
    }
}
