using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Granary.Silo.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Granary.Silo.Page;

/// <summary>The stream by which the page stays up to date.</summary>
internal static class StreamEndpoint
{
    public static void MapStream(this IEndpointRouteBuilder api) => api.MapGet("/stream", (string? run, RunHub hub, HttpContext context) =>
    {
        if (hub.Join(run) is not { } viewer)
        {
            return PageGuard.Error(StatusCodes.Status503ServiceUnavailable, $"{RunHub.MostViewers} watch already, or the silo is about to end: try again soon.");
        }
        // A proxy that collects what passes would make it late.
        context.Response.Headers["X-Accel-Buffering"] = "no";
        return TypedResults.ServerSentEvents(ItemsAsync(viewer, context.RequestAborted));
    }).RequireAuthorization(Roles.Viewer);

    private static async IAsyncEnumerable<SseItem<string>> ItemsAsync(Viewer viewer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var message in viewer.ReadAsync(cancellationToken))
        {
            yield return new(message.Json, message.Kind) { EventId = message.Id.ToString(CultureInfo.InvariantCulture) };
        }
    }
}
