using Granary.Contracts;
using Granary.Training.Frames;
using Grpc.Core;

namespace Granary.Silo.Gateway;

/// <summary>The gRPC face of the coordinators.</summary>
internal sealed class RunsService(IGrainFactory grains, TimeProvider time) : V1.Runs.RunsBase
{
    private static readonly TimeSpan WatchEvery = TimeSpan.FromMilliseconds(200);

    public override Task<V1.Run> Submit(V1.SubmitRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        var spec = request.Spec.FromWire();
        Check(spec.RunId.Length > 0, "A run needs an id.");
        Check(spec.Output.Length > 0, "A run needs an output directory on the silos.");
        Check(spec.Shards is >= 1 and <= ShardCount.MostShards, $"A run cannot have {spec.Shards} shards: 1 to {ShardCount.MostShards}.");
        Check(spec.Workers >= 1 && spec.Workers <= spec.Shards, $"A run of {spec.Shards} shards takes 1 to {spec.Shards} workers, not {spec.Workers}.");
        Check(spec.MinWorkers >= 0 && spec.MinWorkers <= spec.Workers, $"A run of {spec.Workers} workers cannot start with {spec.MinWorkers}: 1 to {spec.Workers}, or 0 for all.");
        return (await Coordinator(spec.RunId).SubmitAsync(spec)).ToWire();
    });

    public override Task<V1.Run> Get(V1.RunRequest request, ServerCallContext context) =>
        AnswerAsync(async () => (await Coordinator(request.RunId).GetStatusAsync()).ToWire());

    public override Task<V1.ListReply> List(V1.ListRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        var ids = await grains.GetGrain<IClusterGrain>(0).GetRunsAsync();
        var runs = await Task.WhenAll(ids.Select(id => Coordinator(id).GetStatusAsync()));
        var reply = new V1.ListReply();
        reply.Runs.Add(runs.Select(run => run.ToWire()));
        return reply;
    });

    public override Task<V1.Run> Cancel(V1.CancelRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        await Coordinator(request.RunId).CancelAsync(request.Reason.Length > 0 ? request.Reason : "Cancelled by a client.");
        return (await Coordinator(request.RunId).GetStatusAsync()).ToWire();
    });

    public override Task<V1.Run> Pause(V1.PauseRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        await Coordinator(request.RunId).PauseAsync(request.Reason.Length > 0 ? request.Reason : "Paused by a client.");
        return (await Coordinator(request.RunId).GetStatusAsync()).ToWire();
    });

    public override Task<V1.Run> Resume(V1.RunRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        await Coordinator(request.RunId).ResumeAsync();
        return (await Coordinator(request.RunId).GetStatusAsync()).ToWire();
    });

    public override Task<V1.Run> Scale(V1.ScaleRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        await Coordinator(request.RunId).ScaleAsync(request.Workers);
        return (await Coordinator(request.RunId).GetStatusAsync()).ToWire();
    });

    public override Task<V1.NodesReply> Nodes(V1.NodesRequest request, ServerCallContext context) => AnswerAsync(NodesAsync);

    public override Task<V1.NodesReply> Drain(V1.DrainRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        await grains.GetGrain<IClusterGrain>(0).DrainAsync(request.Node, request.Undo);
        return await NodesAsync();
    });

    public override Task Watch(V1.WatchRequest request, IServerStreamWriter<V1.Event> responseStream, ServerCallContext context) => AnswerAsync(async () =>
    {
        var after = request.After;
        using var timer = new PeriodicTimer(WatchEvery, time);
        do
        {
            foreach (var entry in await Coordinator(request.RunId).GetEventsAsync(after))
            {
                await responseStream.WriteAsync(entry.ToWire(), context.CancellationToken);
                after = entry.Id;
                if (entry.Status.HasEnded)
                {
                    return true;
                }
            }
        }
        while (await timer.WaitForNextTickAsync(context.CancellationToken));
        return true;
    });

    private async Task<V1.NodesReply> NodesAsync()
    {
        var reply = new V1.NodesReply();
        reply.Nodes.Add((await grains.GetGrain<IClusterGrain>(0).GetNodesAsync()).Select(node => new V1.Node { Name = node.Name, Slots = node.Slots, Draining = node.Draining }));
        return reply;
    }

    private ICoordinatorGrain Coordinator(string runId) => grains.GetGrain<ICoordinatorGrain>(runId);

    private static void Check(bool holds, string message)
    {
        if (!holds)
        {
            throw new RpcException(new(StatusCode.InvalidArgument, message));
        }
    }

    /// <summary>What a client can mend has a status of its own; the silo being in trouble is worth another try.</summary>
    private static async Task<T> AnswerAsync<T>(Func<Task<T>> answer)
    {
        try
        {
            return await answer();
        }
        catch (Exception unknown) when (unknown is UnknownRunException or UnknownNodeException)
        {
            throw new RpcException(new(StatusCode.NotFound, unknown.Message));
        }
        catch (ArgumentOutOfRangeException wrong)
        {
            throw new RpcException(new(StatusCode.InvalidArgument, wrong.Message));
        }
        catch (RunConflictException conflict)
        {
            throw new RpcException(new(StatusCode.AlreadyExists, conflict.Message));
        }
        catch (Exception error) when (error is OrleansException or TimeoutException)
        {
            throw new RpcException(new(StatusCode.Unavailable, error.Message));
        }
    }
}
