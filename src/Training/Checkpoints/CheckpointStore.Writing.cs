using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

public sealed partial class CheckpointStore
{
    private const string PartialPrefix = ".partial-", DiscardedPrefix = ".discarded-", KeptPrefix = ".kept-";

    // Which hidden directories are this process's own, and which of them it is writing.
    private static readonly string session = Guid.NewGuid().ToString("N")[..8];
    private static readonly ConcurrentDictionary<string, bool> writing = new();

    /// <summary>
    /// Writes and syncs the files, then the manifest, then renames the directory into place. A whole checkpoint of the same
    /// step and weights that is there already is left as it is.
    /// </summary>
    /// <param name="state">Must not change meanwhile: it is hashed while it is written.</param>
    /// <param name="manifest">Complete but for the hashes.</param>
    public Checkpoint Write(ReplicaState state, CheckpointManifest manifest)
    {
        if (Directory.Exists(DirectoryOf(manifest.Step)) && Existing(manifest with { WeightsSha256 = WeightsHash.Of(state) }) is { } there)
        {
            return there;
        }
        // Hashing takes about as long as writing, so both are done at once.
        var weights = Task.Run(() => WeightsHash.Of(state));
        var files = new[] { (Name: ModelFile, Kind: StateKind.Model), (Name: TrainingFile, Kind: StateKind.Training) }
            .Select(file => (file.Name, Tensors: state.Tensors.Where(tensor => tensor.Kind == file.Kind).ToList()))
            .Select(file => (file.Name, Write: (Action<Stream>)(stream => Safetensors.Write(stream, file.Tensors))))
            .Concat(state.Assets.Select(asset => (Name: asset.Key, Write: (Action<Stream>)(stream => stream.Write(asset.Value)))))
            .Select(file => (file.Name, file.Write, Hash: Task.Run(() => HashStream.Of(file.Write))))
            .ToList();
        var partial = Hidden(PartialPrefix, DirectoryOf(manifest.Step));
        writing.TryAdd(Path.GetFileName(partial), true);
        try
        {
            Directory.CreateDirectory(partial);
            foreach (var file in files)
            {
                WriteSynced(Path.Combine(partial, file.Name), file.Write);
            }
            manifest = manifest with { WeightsSha256 = weights.Result, Files = new(files.ToDictionary(file => file.Name, file => file.Hash.Result), StringComparer.Ordinal) };
            WriteSynced(Path.Combine(partial, CheckpointManifest.FileName), stream => stream.Write(manifest.ToBytes()));
            return PutInPlace(partial, manifest);
        }
        catch
        {
            // The state's memory may be used for something else as soon as this method returns.
            Task.WhenAll([weights, .. files.Select(file => file.Hash)]).ContinueWith(_ => { }, TaskScheduler.Default).Wait();
            Try(() => Directory.Delete(partial, recursive: true));
            throw;
        }
        finally
        {
            writing.TryRemove(Path.GetFileName(partial), out _);
        }
    }

    /// <summary>
    /// Deletes the checkpoints before the newest <paramref name="keep"/>, but for the best and those in which somebody has put something.
    /// What cannot be deleted now is left to the next time. Nothing is ever deleted in a directory that no run has marked.
    /// </summary>
    /// <param name="upTo">The step just written. Later checkpoints are of a course that is being repeated, and are not known to be whole.</param>
    public void Prune(int keep, long upTo) => Try(() =>
    {
        var known = Manifests().Where(manifest => manifest.Step <= upTo).ToList();
        var best = BestOf(known)?.Step;
        var oldest = known.ElementAtOrDefault(Math.Max(keep, 1) - 1)?.Step;
        foreach (var step in Steps().Where(step => step < oldest && step != best && IsOurs(DirectoryOf(step))))
        {
            Try(() => Discard(DirectoryOf(step)));
        }
        DeleteDiscarded();
        // A disk that is away hides a half from its writer, and shows it again when it is back.
        foreach (var half in HiddenOnes(PartialPrefix).Where(half => HiddenName().Match(half.Name).Groups[1].Value == session))
        {
            Try(() => half.Delete(recursive: true));
        }
    });

    /// <summary>Deletes the checkpoints of later steps that not all replicas agreed on: they are of a course that turned out to be wrong.</summary>
    public void Withdraw(long after)
    {
        foreach (var manifest in Manifests().Where(manifest => manifest.Step > after && !manifest.IsAgreed).ToList())
        {
            Discard(DirectoryOf(manifest.Step));
        }
    }

    /// <summary>Deletes what killed processes left half written or half deleted. For the beginning of a round.</summary>
    public void Sweep() => Try(() =>
    {
        foreach (var partial in HiddenOnes(PartialPrefix))
        {
            // A process that still writes there cannot rename what is left into place.
            var aside = Hidden(DiscardedPrefix, partial.Name[PartialPrefix.Length..].Split('-')[0]);
            Try(() => Directory.Move(partial.FullName, aside));
        }
        DeleteDiscarded();
    });

    /// <summary>Whether a checkpoint of this step is in place.</summary>
    public bool Has(long step) => Directory.Exists(DirectoryOf(step));

    /// <summary>Whether somebody is writing the checkpoint of this step, or was killed while writing it.</summary>
    public bool IsBeingWritten(long step) =>
        Directory.Exists(root) && Directory.EnumerateDirectories(root, $"{PartialPrefix}{Path.GetFileName(DirectoryOf(step))}-*").Any();

    private Checkpoint PutInPlace(string partial, CheckpointManifest manifest)
    {
        var target = DirectoryOf(manifest.Step);
        if (Directory.Exists(target) && Existing(manifest) is null)
        {
            Discard(target);
        }
        try
        {
            Directory.Move(partial, target);
            return new(target, manifest);
        }
        catch (IOException) when (Existing(manifest) is not null)
        {
            // Another process, taken for dead, came first. Its checkpoint is as good: a step is a pure function.
            Try(() => Directory.Delete(partial, recursive: true));
            return Open(manifest.Step);
        }
    }

    /// <summary>The whole checkpoint of the same step and weights, if it is there.</summary>
    private Checkpoint? Existing(CheckpointManifest manifest)
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

    // Renamed before it is deleted: a process killed on the way leaves no half of a checkpoint under its name, and a process
    // that still writes there cannot rename what is left into place.
    private void Discard(string directory)
    {
        if (!RunFolder.IsMarked(runDirectory))
        {
            throw new IOException($"{directory} is not deleted: no run has marked {runDirectory} as its own.");
        }
        var isOurs = IsOurs(directory);
        var aside = Hidden(isOurs ? DiscardedPrefix : KeptPrefix, directory);
        Directory.Move(directory, aside);
        if (isOurs)
        {
            Try(() => Directory.Delete(aside, recursive: true));
        }
    }

    /// <summary>Whether it holds what belongs to a checkpoint and nothing else.</summary>
    private static bool IsOurs(string directory)
    {
        IEnumerable<string> files = StateFiles;
        try
        {
            files = CheckpointManifest.Read(Path.Combine(directory, CheckpointManifest.FileName)).Files.Keys;
        }
        catch (Exception error) when (error is CheckpointException || error.IsStorageFault())
        {
        }
        return new DirectoryInfo(directory).LinkTarget is null
            && Directory.EnumerateFileSystemEntries(directory).All(entry => File.Exists(entry) && files.Append(CheckpointManifest.FileName).Contains(Path.GetFileName(entry)));
    }

    private void DeleteDiscarded()
    {
        foreach (var directory in HiddenOnes(DiscardedPrefix))
        {
            Try(() => directory.Delete(recursive: true));
        }
    }

    /// <summary>What is hidden under names that only this class gives, in a run directory that is marked, and is not being written by this process.</summary>
    private List<DirectoryInfo> HiddenOnes(string prefix) => !Directory.Exists(root) || !RunFolder.IsMarked(runDirectory) ? [] :
    [
        .. from directory in new DirectoryInfo(root).EnumerateDirectories(prefix + "*")
           where HiddenName().IsMatch(directory.Name) && directory.LinkTarget is null && !writing.ContainsKey(directory.Name)
           select directory,
    ];

    // Nobody can guess the name, and have a link there.
    private string Hidden(string prefix, string directory) =>
        Path.Combine(root, $"{prefix}{Path.GetFileName(directory)}-{session}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");

    [GeneratedRegex("^\\.[a-z]+-[0-9]{8,}-([0-9a-z]+)-[0-9a-z]+$")]
    private static partial Regex HiddenName();

    private void WriteSynced(string path, Action<Stream> write)
    {
        using var file = Create(path);
        write(file);
        file.Flush(flushToDisk: true);
    }

    private FileStream Create(string path) => create is null
        ? new(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 20)
        : create(path);

    // Housekeeping: what fails now is tried again by whoever comes here next.
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
