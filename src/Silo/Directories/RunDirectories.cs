using System.Collections.Concurrent;
using Granary.Training.Checkpoints;
using Granary.Training.Files;
using Granary.Training.Runs;

namespace Granary.Silo.Directories;

/// <summary>
/// The runs whose directories lie in a folder. Of each only the newest checkpoints' manifests and the ends of its files are read, and again only
/// when they have changed. What is no run, or cannot be read, is passed over.
/// </summary>
/// <param name="folder">Or the directory of a single run.</param>
internal sealed class RunDirectories(string folder)
{
    // The last metrics of a validation stand within the last hundreds of steps that were recorded.
    private const int EndOfHistory = 1 << 16;
    private readonly string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
    private readonly ConcurrentDictionary<string, (string Stamp, RunDigest Digest)> known = [];

    /// <summary>Newest first.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public IReadOnlyList<RunDigest> List()
    {
        var directories = IsRun(root) ? [root] : Directory.EnumerateDirectories(root).Where(IsRun).ToList();
        foreach (var gone in known.Keys.Except(directories))
        {
            known.TryRemove(gone, out _);
        }
        return [.. directories.Select(Look).OfType<RunDigest>().OrderByDescending(run => run.Started ?? run.Written)];
    }

    /// <summary><see langword="null"/>: there is none of this name.</summary>
    /// <param name="name">See <see cref="RunDigest.Name"/>.</param>
    public RunDigest? Find(string name)
    {
        // Never composed into a path: a name is one of those that are there, or none.
        var directories = IsRun(root) ? [root] : Directory.EnumerateDirectories(root);
        return directories.FirstOrDefault(directory => Path.GetFileName(directory) == name) is { } found && IsRun(found) ? Look(found) : null;
    }

    private static bool IsRun(string directory) =>
        RunFolder.IsMarked(directory) || File.Exists(Path.Combine(directory, RunHistory.FileName)) || new CheckpointStore(directory).Steps().Count > 0;

    private RunDigest? Look(string directory)
    {
        try
        {
            var stamp = StampOf(directory);
            var digest = known.TryGetValue(directory, out var before) && before.Stamp == stamp ? before.Digest : Read(directory);
            known[directory] = (stamp, digest);
            return digest with { IsHeld = RunFolder.IsHeld(directory) };
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            return null;
        }
    }

    private static string StampOf(string directory) => string.Join(' ',
        new[] { RunHistory.FileName, RunJournal.FileName, RunDescription.FileName }.Select(name => Path.Combine(directory, name)).Select(path => File.Exists(path) ? $"{FileStamp.Of(path)}" : "-")
            .Concat(new CheckpointStore(directory).Steps().Select(step => $"{step}")));

    private static RunDigest Read(string directory)
    {
        var description = RunDescription.Read(directory);
        var manifests = new CheckpointStore(directory).Manifests().ToList();
        var newest = manifests.FirstOrDefault();
        var end = RunHistory.ReadEnd(directory, EndOfHistory).ToList();
        var metrics = RunDigest.Finite(newest?.Metrics ?? []);
        foreach (var (name, value) in end.SelectMany(point => point.Metrics))
        {
            metrics[name] = value;
        }
        var measure = description?.Measure ?? newest?.Measure;
        return new()
        {
            Name = Path.GetFileName(directory),
            Directory = directory,
            Spec = description?.Spec ?? newest?.Spec,
            Step = Math.Max(newest?.Step ?? 0, end.Count > 0 ? end[^1].Step : 0),
            TotalSteps = description?.TotalSteps ?? newest?.TotalSteps ?? 0,
            StepsPerEpoch = description?.StepsPerEpoch ?? newest?.StepsPerEpoch ?? 0,
            Measure = measure,
            Best = CheckpointStore.BestOf(manifests)?.Score,
            Unit = description?.Unit ?? "",
            Metrics = metrics,
            UnitsPerSecond = Pace(end),
            Started = description?.Started ?? RunHistory.Read(directory).FirstOrDefault()?.Time,
            Written = WrittenAt(directory),
            LastEvent = RunJournal.Last(directory),
            WeightsSha256 = newest?.WeightsSha256,
        };
    }

    /// <summary>Units of weight a second over the last points: each stands for as many steps as lie before it.</summary>
    private static double Pace(List<HistoryPoint> points)
    {
        if (points.Count < 2 || points[0].Time is not { } from || points[^1].Time is not { } to || to <= from)
        {
            return 0;
        }
        var units = points.Zip(points.Skip(1), (before, point) => (point.Step - before.Step) * point.Metrics.GetValueOrDefault(Training.Tasks.Metrics.Samples)).Sum();
        return units / (to - from).TotalSeconds;
    }

    private static DateTimeOffset WrittenAt(string directory)
    {
        var history = Path.Combine(directory, RunHistory.FileName);
        return File.Exists(history) ? File.GetLastWriteTimeUtc(history) : Directory.GetLastWriteTimeUtc(directory);
    }
}
