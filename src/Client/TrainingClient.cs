using System.Runtime.CompilerServices;
using Granary.Contracts;
using Granary.Silo.Clusters;
using Granary.Training.Runs;
using Grpc.Core;
using Grpc.Net.Client;

namespace Granary.Client;

/// <summary>Runs on a cluster, through its gRPC gateway.</summary>
public sealed class TrainingClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(500);
    private readonly GrpcChannel channel;
    private readonly V1.Runs.RunsClient runs;

    /// <param name="server">Such as <c>http://127.0.0.1:8081</c>.</param>
    public TrainingClient(Uri server)
    {
        channel = GrpcChannel.ForAddress(server, new() { HttpHandler = DirectHttp.CreateHandler(), DisposeHttpClient = true });
        runs = new(channel);
    }

    /// <summary>Safe to repeat with the same spec.</summary>
    public async Task<RunStatus> SubmitAsync(RunSpec spec, CancellationToken cancellationToken = default) =>
        (await runs.SubmitAsync(new() { Spec = spec.ToWire() }, cancellationToken: cancellationToken)).FromWire();

    public async Task<RunStatus> GetAsync(string runId, CancellationToken cancellationToken = default) =>
        (await runs.GetAsync(new() { RunId = runId }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<RunStatus>> ListAsync(CancellationToken cancellationToken = default) =>
        [.. (await runs.ListAsync(new(), cancellationToken: cancellationToken)).Runs.Select(Wire.FromWire)];

    /// <summary>Stops the run at the next step boundary, with a checkpoint.</summary>
    public async Task<RunStatus> CancelAsync(string runId, string reason, CancellationToken cancellationToken = default) =>
        (await runs.CancelAsync(new() { RunId = runId, Reason = reason }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>Stops the run at the next step boundary, with a checkpoint, and gives its slots back.</summary>
    public async Task<RunStatus> PauseAsync(string runId, string reason, CancellationToken cancellationToken = default) =>
        (await runs.PauseAsync(new() { RunId = runId, Reason = reason }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>Lets a paused run go on.</summary>
    public async Task<RunStatus> ResumeAsync(string runId, CancellationToken cancellationToken = default) =>
        (await runs.ResumeAsync(new() { RunId = runId }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>Changes the number of workers at the next step boundary.</summary>
    public async Task<RunStatus> ScaleAsync(string runId, int workers, CancellationToken cancellationToken = default) =>
        (await runs.ScaleAsync(new() { RunId = runId, Workers = workers }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>The nodes that are up.</summary>
    public async Task<IReadOnlyList<V1.Node>> NodesAsync(CancellationToken cancellationToken = default) =>
        (await runs.NodesAsync(new(), cancellationToken: cancellationToken)).Nodes;

    /// <summary>Takes a node out of use, or back into it.</summary>
    public async Task<IReadOnlyList<V1.Node>> DrainAsync(string node, bool undo, CancellationToken cancellationToken = default) =>
        (await runs.DrainAsync(new() { Node = node, Undo = undo }, cancellationToken: cancellationToken)).Nodes;

    /// <summary>What happens to a run until it has ended. A broken connection is taken up again where it broke.</summary>
    public async IAsyncEnumerable<RunEvent> WatchAsync(string runId, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        long after = 0;
        var brokenSince = default(DateTimeOffset?);
        while (true)
        {
            using var call = runs.Watch(new() { RunId = runId, After = after }, cancellationToken: cancellationToken);
            while (await NextAsync(call.ResponseStream))
            {
                brokenSince = null;
                var next = call.ResponseStream.Current.FromWire();
                after = next.Id;
                yield return next;
                if (next.Status.HasEnded)
                {
                    yield break;
                }
            }
            await Task.Delay(RetryPause, cancellationToken);
        }

        async Task<bool> NextAsync(IAsyncStreamReader<V1.Event> stream)
        {
            try
            {
                return await stream.MoveNext(cancellationToken);
            }
            catch (RpcException broken) when (broken.StatusCode == StatusCode.Unavailable && DateTimeOffset.UtcNow - (brokenSince ??= DateTimeOffset.UtcNow) < Patience)
            {
                return false;
            }
        }
    }

    public void Dispose() => channel.Dispose();
}
