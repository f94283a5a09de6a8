using Granary.Silo.Directories;
using Granary.Training.Files;
using Granary.Training.Runs;

namespace Granary.Silo.Page;

/// <summary>The curves of the runs that were looked at last, as long as their files have not changed.</summary>
internal sealed class CurveCache
{
    private const int Most = 8;
    private readonly LinkedList<(string Directory, FileStamp Stamp, IReadOnlyDictionary<string, Curve> Curves)> kept = [];

    /// <exception cref="IOException">The history is there and cannot be read.</exception>
    public IReadOnlyDictionary<string, Curve> Read(string directory)
    {
        var path = Path.Combine(directory, RunHistory.FileName);
        if (!File.Exists(path))
        {
            return new Dictionary<string, Curve>();
        }
        var stamp = FileStamp.Of(path);
        lock (kept)
        {
            if (kept.FirstOrDefault(entry => entry.Directory == directory && entry.Stamp == stamp) is { Curves: { } known } found)
            {
                kept.Remove(found);
                kept.AddFirst(found);
                return known;
            }
        }
        var curves = Curve.Read(directory);
        lock (kept)
        {
            foreach (var before in kept.Where(entry => entry.Directory == directory).ToList())
            {
                kept.Remove(before);
            }
            kept.AddFirst((directory, stamp, curves));
            if (kept.Count > Most)
            {
                kept.RemoveLast();
            }
        }
        return curves;
    }
}
