using Granary.Training.Files;
using Granary.Training.Wording;

namespace Granary.Training.Runs;

/// <summary>A run directory is another run's, or holds something else. The message says what to do.</summary>
public sealed class RunFolderException(string message) : IOException(message);

/// <summary>
/// A run's hold on its directory: two runs never write into one. The directory carries a mark with the run's id, locked while
/// the run is under way; the system lets go of the lock when the process ends, however it ends. A process that the run was
/// taken from may still hold the lock: its successor goes on, and takes the lock as soon as it is free.
/// </summary>
public sealed class RunFolder : IDisposable
{
    // Two files: a locked one cannot be read.
    private const string MarkFile = ".granary-run", LockFile = ".granary-run.lock";
    private static readonly TimeSpan TryAgainEvery = TimeSpan.FromSeconds(1), Glance = TimeSpan.FromMilliseconds(20);
    private readonly Lock gate = new();
    private readonly ITimer? again;
    private FileStream? held;
    private bool isLeft;

    private RunFolder(FileStream held) => this.held = held;

    private RunFolder(string path, TimeProvider time) => again = time.CreateTimer(_ => TryAgain(path), null, TryAgainEvery, Timeout.InfiniteTimeSpan);

    /// <summary>Takes the directory, and makes it if it is not there.</summary>
    /// <param name="isNew">It must be empty, or carry the mark of this run; otherwise the run goes on with what is there.</param>
    /// <exception cref="RunFolderException"/>
    public static RunFolder Take(string directory, string runId, bool isNew, TimeProvider time)
    {
        Directory.CreateDirectory(directory);
        var (mark, path) = (Path.Combine(directory, MarkFile), Path.Combine(directory, LockFile));
        FileStream held;
        try
        {
            held = TakeLockInTheEnd(path);
        }
        catch (IOException) when (File.Exists(path))
        {
            return Owner(mark) is var owner && owner == runId
                ? new(path, time)
                : throw new RunFolderException($"{(owner.Length > 0 ? $"Run '{Shown.Value(owner)}' is" : "Another run is")} under way in {directory}. Wait for its end, or choose another --out.");
        }
        try
        {
            var owner = Owner(mark);
            if (isNew && owner != runId && HoldsMore(directory))
            {
                throw new RunFolderException($"{directory} is not empty. Choose another --out, or go on with what is there: granary resume {directory}");
            }
            if (owner != runId)
            {
                File.WriteAllText(mark, runId);
            }
            return new(held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Whether a run has taken the directory: only there may anything be deleted.</summary>
    public static bool IsMarked(string directory) => File.Exists(Path.Combine(directory, MarkFile));

    /// <summary>Whether the directory holds anything but a mark.</summary>
    public static bool HoldsMore(string directory) => Directory.EnumerateFileSystemEntries(directory).Any(entry => Path.GetFileName(entry) is not (MarkFile or LockFile));

    /// <summary>Whether the directory carries the mark of this run: others' directories are left as they are.</summary>
    public static bool IsOf(string directory, string runId)
    {
        try
        {
            return Owner(Path.Combine(directory, MarkFile)) == runId;
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            return false;
        }
    }

    /// <summary>Whether a process of this machine (or, on a network file system that passes locks on, of another) is at work in the directory.</summary>
    public static bool IsHeld(string directory)
    {
        var path = Path.Combine(directory, LockFile);
        if (!File.Exists(path))
        {
            return false;
        }
        try
        {
            // A lock that many may share, and only for a moment.
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        again?.Dispose();
        lock (gate)
        {
            isLeft = true;
            held?.Dispose();
        }
    }

    private void TryAgain(string path)
    {
        lock (gate)
        {
            try
            {
                held ??= isLeft ? null : TakeLock(path);
            }
            catch (Exception taken) when (taken.IsStorageFault())
            {
                again?.Change(TryAgainEvery, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Who only looks whether it is taken (<see cref="IsHeld"/>) has it for a moment.</summary>
    private static FileStream TakeLockInTheEnd(string path)
    {
        try
        {
            return TakeLock(path);
        }
        catch (IOException) when (File.Exists(path))
        {
            Thread.Sleep(Glance);
            return TakeLock(path);
        }
    }

    private static FileStream TakeLock(string path) => new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    private static string Owner(string mark) => File.Exists(mark) ? File.ReadAllText(mark) : "";
}
