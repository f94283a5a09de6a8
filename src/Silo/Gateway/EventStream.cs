using Granary.Contracts;
using Granary.Grains.Nodes;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Granary.Silo.Gateway;

/// <summary>
/// The events of a run on their way to one client that watches. They are fetched as it reads them, few at a time, so that a client that does not
/// read costs no memory, and its watch ends; what it has missed it may ask for anew.
/// </summary>
/// <param name="stopping">When the silo is told to end: it would wait for its clients, and its leave of the cluster would come late.</param>
internal sealed class EventStream(ICoordinatorGrain run, IServerStreamWriter<V1.Event> client, ServerCallContext call, LimitOptions limits, TimeProvider time, CancellationToken stopping)
{
    private const int AtOnce = 50;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private readonly HttpContext context = call.GetHttpContext();

    /// <returns>When the run has ended, and the client knows; or when the silo is about to end: the client asks another one for the rest.</returns>
    /// <exception cref="LimitException">The client does not read.</exception>
    public async Task SendAsync(long after)
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        using var stopped = stopping.Register(timer.Dispose);
        var events = await run.GetEventsAsync(after, AtOnce);
        // A run may wait for hours, and nothing happens to it: the client knows that it is watched, and a proxy that this has been answered.
        await call.WriteResponseHeadersAsync(new() { { TrainingClient.WatchingHeader, "yes" } });
        while (true)
        {
            foreach (var entry in events)
            {
                await WriteAsync(entry.ToWire());
                after = entry.Id;
                if (entry.Status.HasEnded)
                {
                    return;
                }
            }
            if (stopping.IsCancellationRequested || (events.Count < AtOnce && !await timer.WaitForNextTickAsync(context.RequestAborted)))
            {
                return;
            }
            events = await run.GetEventsAsync(after, AtOnce);
        }
    }

    private async Task WriteAsync(V1.Event entry)
    {
        var written = client.WriteAsync(entry, context.RequestAborted);
        try
        {
            await written.WaitAsync(limits.WatchPatience, time, context.RequestAborted);
        }
        catch (TimeoutException) when (!written.IsCompleted)
        {
            written.Ignore();
            // What waits to be read would be kept until the connection ends.
            context.Abort();
            throw new LimitException($"The client has not read for {limits.WatchPatience} ({LimitOptions.NameOf(nameof(limits.WatchPatience))}): its watch has ended.");
        }
    }
}
