using Granary.Silo.Directories;
using Granary.Training.Checkpoints;

namespace Granary.Silo.Page;

/// <summary>A run that somebody looks at closely: its points, its events, and what appears in its directory.</summary>
internal sealed class FollowedRun(string id, IRunSource source)
{
    // More than an eye can follow.
    private const int MostPoints = 4;
    private RunMark mark;
    private Task<Files>? looking;
    private Files? files;

    private sealed record Files(IReadOnlyList<RunSample> Samples, IReadOnlyList<CheckpointView> Checkpoints);

    public string Id => id;

    /// <summary>What is new, with the name of its event.</summary>
    public async Task<IReadOnlyList<(string Kind, object News)>> LookAsync()
    {
        var news = await source.NewsAsync(id, mark);
        mark = news.Mark;
        return [.. Spread(news.Points).Select(point => ("points", (object)point)), .. news.Events.Select(entry => ("event", (object)entry)), .. await NewFilesAsync()];
    }

    private static IEnumerable<LivePoint> Spread(IReadOnlyList<LivePoint> points) => points.Where((_, place) => points.Count <= MostPoints || (points.Count - 1 - place) % ((points.Count + MostPoints - 1) / MostPoints) == 0);

    /// <summary>A disk that hangs holds up this alone.</summary>
    private async Task<IReadOnlyList<(string Kind, object News)>> NewFilesAsync()
    {
        looking ??= LookAtFilesAsync();
        if (!looking.IsCompleted)
        {
            return [];
        }
        var (before, found) = (files, looking);
        looking = null;
        files = await found;
        return before is null ? [] :
        [
            .. files.Checkpoints.ExceptBy(before.Checkpoints.Select(known => known.Step), checkpoint => checkpoint.Step).Select(checkpoint => ("checkpoint", (object)checkpoint)),
            .. files.Samples.Except(before.Samples).Select(sample => ("sample", (object)SampleView.Of(id, sample))),
        ];
    }

    private async Task<Files> LookAtFilesAsync()
    {
        var directory = (await source.FindAsync(id)).Directory;
        return await Task.Run(() => new Files(RunSamples.List(directory), files is { } known && known.Checkpoints.Select(one => one.Step).SequenceEqual(new CheckpointStore(directory).Steps())
            ? known.Checkpoints
            : CheckpointView.ListOf(directory)));
    }
}
