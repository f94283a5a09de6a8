using Granary.Contracts;
using Granary.Silo.Directories;
using Granary.Silo.Security;
using Granary.Training.Checkpoints;
using Granary.Training.Files;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Granary.Silo.Page;

/// <summary>What the page shows of runs.</summary>
internal static class RunEndpoints
{
    private const int FewestPoints = 4, MostPoints = 20_000, UsualPoints = 1_500;

    public static void MapRuns(this IEndpointRouteBuilder api)
    {
        api.MapGet("/runs", async (IRunSource source) => new { runs = await source.ListAsync() }).RequireAuthorization(Roles.Viewer);
        api.MapGet("/runs/{id}", async (string id, IRunSource source, CurveCache curves, TaskCatalog tasks) =>
        {
            var run = await source.FindAsync(id);
            return await Task.Run(() => Describe(run, source.HasCluster, curves, tasks));
        }).RequireAuthorization(Roles.Viewer);
        api.MapGet("/runs/{id}/curves", async (string id, string? metrics, int? points, long? from, long? to, IRunSource source, CurveCache curves) =>
        {
            var run = await source.FindAsync(id);
            return await Task.Run(() => CurvesOf(run, curves, metrics?.Split(','), Math.Clamp(points ?? UsualPoints, FewestPoints, MostPoints), from, to));
        }).RequireAuthorization(Roles.Viewer);
        api.MapGet("/runs/{id}/events", async (string id, long? after, IRunSource source) => new { events = await source.EventsAsync(id, after ?? 0) }).RequireAuthorization(Roles.Viewer);
        api.MapGet("/runs/{id}/samples/{name}", async (string id, string name, IRunSource source) => Sample((await source.FindAsync(id)).Directory, name)).RequireAuthorization(Roles.Viewer);
        api.MapGet("/runs/{id}/checkpoints/{step:long}/model.safetensors", async (string id, long step, IRunSource source) => Weights(await source.FindAsync(id), step)).RequireAuthorization(Roles.Viewer);
    }

    private static RunDetails Describe(FoundRun run, bool hasCluster, CurveCache curves, TaskCatalog tasks)
    {
        var state = hasCluster && Enum.TryParse<RunState>(run.Row.State, ignoreCase: true, out var known) ? known : RunState.Succeeded;
        return new(run.Row)
        {
            Spec = run.Spec is null ? null : SpecView.Of(run.Spec),
            Switches = run.Switches,
            Versions = run.Spec?.Versions ?? new Dictionary<string, string>(),
            Command = run.Spec is null ? null : RepeatCommand.Of(run.Spec, tasks),
            Slots = run.Slots,
            Processes = run.Processes,
            Coordinator = run.Coordinator,
            Checkpoints = CheckpointView.ListOf(run.Directory),
            Samples = [.. RunSamples.List(run.Directory).Select(sample => SampleView.Of(run.Row.Id, sample))],
            Curves = Read(curves, run.Directory).Keys.Order(StringComparer.Ordinal),
            CanPause = state is RunState.Queued or RunState.Starting or RunState.Running or RunState.Recovering,
            CanResume = state == RunState.Paused,
            CanCancel = !state.HasEnded(),
            CanScale = !state.HasEnded(),
        };
    }

    private static object CurvesOf(FoundRun run, CurveCache cache, string[]? metrics, int points, long? from, long? to)
    {
        var all = Read(cache, run.Directory);
        return new
        {
            stepsPerEpoch = run.Row.StepsPerEpoch,
            curves = (metrics ?? all.Keys.AsEnumerable()).Distinct().Where(all.ContainsKey).ToDictionary(name => name, name =>
            {
                var whole = all[name];
                var part = from is null && to is null ? whole : whole.Between(from ?? 0, to ?? long.MaxValue);
                var thin = part.Thinned(points);
                var start = run.Row.Started ?? (whole.Times is [var first, ..] ? first : null);
                return new { steps = thin.Steps, seconds = start is null ? null : thin.Times?.Select(time => (time - start.Value).TotalSeconds), values = thin.Values, whole = thin.IsWhole };
            }),
        };
    }

    private static IResult Sample(string directory, string name) => RunSamples.Open(directory, name) is var (sample, content)
        ? Results.Stream(content, sample.Kind switch
        {
            SampleKind.Text => "text/plain; charset=utf-8",
            SampleKind.Picture => "image/png",
            _ => "application/json",
        })
        : PageGuard.Error(StatusCodes.Status404NotFound, $"The run shows nothing that is named '{Shown.Value(name)}'.");

    private static IResult Weights(FoundRun run, long step)
    {
        var path = Path.Combine(new CheckpointStore(run.Directory).DirectoryOf(step), CheckpointStore.ModelFile);
        return File.Exists(path)
            ? Results.Stream(RegularFile.Open(path, followLink: false), "application/octet-stream", $"{run.Row.Id}-{step}.safetensors", enableRangeProcessing: true)
            : PageGuard.Error(StatusCodes.Status404NotFound, $"The run has no checkpoint of step {step}.");
    }

    /// <summary>A history that cannot be read leaves the rest as it is.</summary>
    private static IReadOnlyDictionary<string, Curve> Read(CurveCache curves, string directory)
    {
        try
        {
            return curves.Read(directory);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            return new Dictionary<string, Curve>();
        }
    }
}
