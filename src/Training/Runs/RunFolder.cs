using System.Text;

namespace Granary.Training.Runs;

/// <summary>A run directory is another run's, or holds something else. The message says what to do.</summary>
public sealed class RunFolderException(string message) : IOException(message);

/// <summary>
/// A run's hold on its directory: two runs never write into one. The directory carries a mark with the run's id, locked while
/// the run is under way; the system lets go of the lock when the process ends, however it ends.
/// </summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>The mark's file name.</summary>
    public const string Mark = ".granary-run";

    private readonly FileStream? mark;

    private RunFolder(FileStream? mark) => this.mark = mark;

    /// <summary>Takes the directory, and makes it if it is not there. A process that was given up may still hold it for the same run.</summary>
    /// <param name="isNew">It must be empty, or carry the mark of this run; otherwise the run goes on with what is there.</param>
    /// <exception cref="RunFolderException"/>
    public static RunFolder Take(string directory, string runId, bool isNew)
    {
        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, Mark);
        FileStream mark;
        try
        {
            mark = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (Owner(path) is { Length: > 0 } owner)
        {
            return owner == runId ? new(null) : throw new RunFolderException($"Run '{owner}' is under way in {directory}. Wait for its end, or choose another --out.");
        }
        try
        {
            var owner = new StreamReader(mark, Encoding.UTF8, leaveOpen: true).ReadToEnd();
            if (isNew && owner != runId && (owner.Length > 0 || HoldsMore(directory)))
            {
                throw new RunFolderException($"{directory} is not empty. Choose another --out, or go on with what is there: granary resume {directory}");
            }
            if (owner != runId)
            {
                mark.SetLength(0);
                mark.Write(Encoding.UTF8.GetBytes(runId));
                mark.Flush(flushToDisk: true);
            }
            return new(mark);
        }
        catch
        {
            mark.Dispose();
            throw;
        }
    }

    /// <summary>Whether the directory holds anything but a mark.</summary>
    public static bool HoldsMore(string directory) => Directory.EnumerateFileSystemEntries(directory).Any(entry => Path.GetFileName(entry) != Mark);

    public void Dispose() => mark?.Dispose();

    private static string? Owner(string path)
    {
        try
        {
            // With another lock than none the system would refuse.
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd();
        }
        catch (IOException)
        {
            return null;
        }
    }
}
