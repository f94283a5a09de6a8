using Granary.Contracts;
using Granary.Silo.Gateway;
using Granary.Silo.Security;
using Granary.Training.Wording;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Granary.Silo.Page;

/// <summary>What the page shows of a cluster, and what it changes.</summary>
internal static class ClusterEndpoints
{
    private sealed record Scaling(int? Workers);

    private sealed record Draining(bool? Undo);

    public static void MapCluster(this IEndpointRouteBuilder api) => api.MapGet("/cluster", async (KnownRuns known, ClusterRuns runs) =>
    {
        var active = await runs.ActiveAsync();
        var taken = active.Where(run => run.State is not (RunState.Queued or RunState.Paused)).SelectMany(run => run.Slots.Select(slot => (Slot: slot.Split(' ')[0], Run: run.Spec.RunId)))
            .DistinctBy(one => one.Slot).ToDictionary(one => one.Slot, one => one.Run);
        return new
        {
            nodes = (await known.Cluster.GetNodesAsync()).Select(node => new
            {
                node.Name,
                node.Draining,
                node.Versions,
                slots = Enumerable.Range(0, node.Slots).Select(index => new SlotInfo(node, index)).Select(slot => new
                {
                    slot = slot.Key,
                    slot.Device,
                    model = node.Gpus.GetValueOrDefault(slot.Device),
                    run = taken.GetValueOrDefault(slot.Key),
                }),
                node.MemoryUsed,
                node.MemoryLimit,
                node.Processors,
                node.ProcessorsBusy,
            }),
            queue = active.Where(run => run.State == RunState.Queued).OrderByDescending(run => run.Spec.Priority).ThenBy(run => run.Since).Select(run => new { run = run.Spec.RunId, waits = run.Reason, run.Spec.Priority }),
        };
    }).RequireAuthorization(Roles.Viewer);

    public static void MapChanges(this IEndpointRouteBuilder api)
    {
        Change(api, "pause", (run, by, _) => run.PauseAsync($"Paused on the page{by}."));
        Change(api, "resume", (run, _, _) => run.ResumeAsync());
        Change(api, "cancel", (run, by, _) => run.CancelAsync($"Cancelled on the page{by}."));
        Change(api, "scale", async (run, _, context) =>
        {
            var workers = (await BodyAsync<Scaling>(context))?.Workers ?? throw new BadHttpRequestException("How many workers? Say so as { \"workers\": N }.");
            Tell(context, $"workers {workers}");
            await run.ScaleAsync(workers);
        });
        api.MapPost("/nodes/{name}/drain", async (string name, HttpContext context, KnownRuns known) =>
        {
            Tell(context, "-", name);
            var undo = (await BodyAsync<Draining>(context))?.Undo ?? false;
            Tell(context, undo ? "undo" : "drain");
            await known.Cluster.DrainAsync(Shown.Value(name), undo);
            return Results.Ok(new { name, draining = !undo });
        }).RequireAuthorization(Roles.Operator);
    }

    private static void Change(IEndpointRouteBuilder api, string verb, Func<ICoordinatorGrain, string, HttpContext, Task> act) =>
        api.MapPost($"/runs/{{id}}/{verb}", async (string id, HttpContext context, KnownRuns known) =>
        {
            Tell(context, verb, id);
            var run = await known.FindAsync(id);
            await act(run, context.User.Identity?.Name is { } name && name != TokenAuthentication.Anonymous ? $" by {name}" : "", context);
            return ClusterRuns.RowOf(await run.GetStatusAsync());
        }).RequireAuthorization(Roles.Operator);

    private static async Task<T?> BodyAsync<T>(HttpContext context) where T : class =>
        context.Request.HasJsonContentType() ? await context.Request.ReadFromJsonAsync<T>(context.RequestAborted) : null;

    /// <summary>Tells the audit what the change is about.</summary>
    private static void Tell(HttpContext context, string request, string? subject = null)
    {
        if (context.Features.Get<AskedChange>() is { } asked)
        {
            asked.Request = request;
            asked.Subject = subject is null ? asked.Subject : Shown.Value(subject);
        }
    }
}
