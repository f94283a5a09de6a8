using System.Diagnostics;
using Granary.Contracts;
using Granary.Grains.Nodes;
using Granary.Grains.Telemetry;
using Granary.Silo.Security;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Granary.Silo.Gateway;

/// <summary>The gRPC face of the coordinators, and the place where a spec is settled: nobody behind it checks or completes one again.</summary>
internal sealed partial class RunsService(KnownRuns runs, TrainingEnvironment environment, WatchPlaces watches, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<RunsService> logger) : V1.Runs.RunsBase
{
    private IClusterGrain Cluster => runs.Cluster;

    [Authorize(Roles.Operator)]
    public override Task<V1.Run> Submit(V1.SubmitRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        var asked = (request.Spec ?? throw new SpecException("A run needs a spec.")).FromWire();
        SpecRules.CheckId(asked.RunId);
        // By the header, as the request has a span of its own, which nobody exports.
        var trace = context.RequestHeaders.GetValue(TrainingClient.TraceHeader);
        using var span = RunTrace.Begin("submit run", trace, asked.RunId, ActivityKind.Server);
        if (asked.Device is DeviceName.Auto or DeviceName.Any)
        {
            // Asked for twice, a run is one, whatever nodes have come or gone.
            var before = await Cluster.KnowsAsync(asked.RunId) ? await runs.StatusAsync(asked.RunId) : null;
            asked = asked with { Device = before?.Spec.Device ?? await Cluster.ChooseDeviceAsync(environment.Versions.ToDictionary()) };
        }
        // Hashing large data takes its time, and a read may hang: not on the thread that serves others.
        var spec = await Task.Run(() => environment.Settle(asked)).WaitAsync(context.CancellationToken);
        var run = await runs.Coordinator(spec.RunId).SubmitAsync(spec, span?.Id ?? trace);
        return run is { HasEnded: true } && !Directory.Exists(spec.Output)
            ? throw new RunConflictException($"Run '{spec.RunId}' has ended ({run.State.ToString().ToLowerInvariant()}), and its directory {spec.Output} is gone. Choose another id.")
            : run.ToWire();
    });

    [Authorize(Roles.Viewer)]
    public override Task<V1.Run> Get(V1.RunRequest request, ServerCallContext context) => StatusAfterAsync(request.RunId, _ => Task.CompletedTask);

    [Authorize(Roles.Viewer)]
    public override Task<V1.ListReply> List(V1.ListRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        var reply = new V1.ListReply();
        foreach (var run in await Task.WhenAll((await Cluster.GetRunsAsync()).Select(runs.StatusAsync)))
        {
            reply.Runs.Add(run?.ToWire() is { } known ? [known] : []);
        }
        return reply;
    });

    [Authorize(Roles.Operator)]
    public override Task<V1.Run> Cancel(V1.CancelRequest request, ServerCallContext context) =>
        StatusAfterAsync(request.RunId, run => run.CancelAsync(Reason(request.Reason, "Cancelled by a client."), request.Now));

    [Authorize(Roles.Operator)]
    public override Task<V1.Run> Pause(V1.PauseRequest request, ServerCallContext context) =>
        StatusAfterAsync(request.RunId, run => run.PauseAsync(Reason(request.Reason, "Paused by a client.")));

    [Authorize(Roles.Operator)]
    public override Task<V1.Run> Resume(V1.RunRequest request, ServerCallContext context) => StatusAfterAsync(request.RunId, run => run.ResumeAsync());

    [Authorize(Roles.Operator)]
    public override Task<V1.Run> Scale(V1.ScaleRequest request, ServerCallContext context) => StatusAfterAsync(request.RunId, run => run.ScaleAsync(request.Workers));

    [Authorize(Roles.Viewer)]
    public override Task<V1.TasksReply> Tasks(V1.TasksRequest request, ServerCallContext context) => AnswerAsync(() =>
    {
        var reply = new V1.TasksReply { HasRoots = environment.Roots is not null };
        reply.Tasks.Add(environment.Tasks.Tasks.Select(task => TaskDescription.Of(task).ToWire()));
        return Task.FromResult(reply);
    });

    [Authorize(Roles.Viewer)]
    public override Task<V1.NodesReply> Nodes(V1.NodesRequest request, ServerCallContext context) => AnswerAsync(NodesAsync);

    [Authorize(Roles.Operator)]
    public override Task<V1.NodesReply> Drain(V1.DrainRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        await Cluster.DrainAsync(Shown.Value(request.Node), request.Undo);
        return await NodesAsync();
    });

    [Authorize(Roles.Viewer)]
    public override Task Watch(V1.WatchRequest request, IServerStreamWriter<V1.Event> responseStream, ServerCallContext context) => AnswerAsync(async () =>
    {
        var run = await runs.FindAsync(request.RunId);
        using var place = watches.Take(CallerOf(context));
        await new EventStream(run, responseStream, context, environment.Limits, time, lifetime.ApplicationStopping).SendAsync(request.After);
        return true;
    });

    [Authorize(Roles.Viewer)]
    public override Task<V1.LogReply> Log(V1.LogRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        var reply = new V1.LogReply();
        reply.Entries.Add((await runs.EventsAsync(request.RunId, request.After)).Select(Wire.ToWire));
        return reply;
    });

    /// <summary>Whom what is counted for each caller counts for: who is behind a connection is not known.</summary>
    private static string CallerOf(ServerCallContext context) => context.GetHttpContext().Connection.Id;

    private Task<V1.Run> StatusAfterAsync(string runId, Func<ICoordinatorGrain, Task> act) => AnswerAsync(async () =>
    {
        var run = await runs.FindAsync(runId);
        await act(run);
        return (await run.GetStatusAsync()).ToWire();
    });

    private async Task<V1.NodesReply> NodesAsync()
    {
        var reply = new V1.NodesReply();
        foreach (var node in await Cluster.GetNodesAsync())
        {
            var wire = new V1.Node { Name = node.Name, Slots = node.Slots, Draining = node.Draining };
            wire.Versions.Add(node.Versions);
            wire.Devices.Add(node.Devices);
            wire.Gpus.Add(node.Gpus);
            reply.Nodes.Add(wire);
        }
        return reply;
    }

    private static string Reason(string given, string byDefault) => given.Length > 0 ? Shown.Value(given) : byDefault;

    private async Task<T> AnswerAsync<T>(Func<Task<T>> answer)
    {
        try
        {
            return await answer();
        }
        catch (Exception error) when (FailureStatus.Of(error) is { } status)
        {
            throw new RpcException(new(status, error.Message));
        }
        catch (Exception defect) when (defect is not (RpcException or OperationCanceledException))
        {
            LogDefect(defect);
            throw new RpcException(new(StatusCode.Internal, $"{defect.GetType().Name}: {defect.Message} This is a defect of Granary; the silo's log tells more."));
        }
    }

    [LoggerMessage(LogLevel.Error, "A call could not be answered")]
    private partial void LogDefect(Exception defect);
}
