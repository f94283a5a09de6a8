using System.Diagnostics;
using System.Runtime.CompilerServices;
using Granary.Training;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace Granary.Contracts;

/// <summary>Access to the runs of a cluster, through its gRPC gateway.</summary>
public sealed class TrainingClient : IDisposable
{
    /// <summary>The header that carries a trace's context (W3C).</summary>
    public const string TraceHeader = "traceparent";

    /// <summary>The header by which a server says that it watches a run, before there is anything to say of it.</summary>
    internal const string WatchingHeader = "granary-watching";

    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(500), RemindEvery = TimeSpan.FromSeconds(15);
    private readonly GrpcChannel? channel;
    private readonly V1.Runs.RunsClient runs;
    private readonly Health.HealthClient health;
    private readonly TimeProvider time;

    /// <param name="server">Such as <c>http://127.0.0.1:8081</c>.</param>
    public TrainingClient(Uri server)
        : this(new ServerAccess(server))
    {
    }

    /// <summary>For a gateway that wants a token, or whose certificate an authority of its own has signed.</summary>
    public TrainingClient(ServerAccess access)
    {
        var handler = access.CreateHandler();
        handler.EnableMultipleHttp2Connections = true;
        handler.ConnectTimeout = TimeSpan.FromSeconds(10);
        // A server that hangs, or whose network is cut, breaks no connection: it is found out by its silence.
        (handler.KeepAlivePingDelay, handler.KeepAlivePingTimeout) = (TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10));
        channel = GrpcChannel.ForAddress(access.Server, new() { HttpHandler = handler, DisposeHttpClient = true });
        var invoker = access.Token is { } token ? channel.Intercept(call => Carry(call, token)) : channel.CreateCallInvoker();
        (runs, health, time) = (new(invoker), new(invoker), TimeProvider.System);
    }

    /// <summary>For tests, which give the server's answers themselves.</summary>
    internal TrainingClient(CallInvoker invoker, TimeProvider time) => (runs, health, this.time) = (new(invoker), new(invoker), time);

    /// <summary>How long <see cref="WatchAsync(RunStatus, CancellationToken)"/> goes on trying when the server does not answer. Default: 5 minutes.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether the same call may succeed later, on this server or another behind its address.</summary>
    public static bool MayPass(RpcException error) => error.StatusCode is not
        (StatusCode.InvalidArgument or StatusCode.AlreadyExists or StatusCode.FailedPrecondition or StatusCode.OutOfRange
        or StatusCode.NotFound or StatusCode.PermissionDenied or StatusCode.Unauthenticated or StatusCode.Unimplemented);

    /// <summary>Safe to repeat with the same spec. The run becomes part of the trace that the caller is in: that of <see cref="Activity.Current"/>, else of the variable <c>TRACEPARENT</c>.</summary>
    public async Task<RunStatus> SubmitAsync(RunSpec spec, CancellationToken cancellationToken = default)
    {
        // Named here, as HttpClient would name a span of its own, which nobody exports.
        Metadata headers = (Activity.Current?.Id ?? EnvironmentVariable.Read(EnvironmentVariable.Trace)) is { } trace ? new() { { TraceHeader, trace } } : [];
        return (await runs.SubmitAsync(new() { Spec = spec.ToWire() }, headers, cancellationToken: cancellationToken)).FromWire();
    }

    /// <summary>What is known of a run.</summary>
    public async Task<RunStatus> GetAsync(string runId, CancellationToken cancellationToken = default) =>
        (await runs.GetAsync(new() { RunId = runId }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>What has happened to a run, oldest first.</summary>
    /// <param name="after">The id of the last entry that was seen. Default: none was.</param>
    public async Task<IReadOnlyList<JournalEntry>> LogAsync(string runId, long after = 0, CancellationToken cancellationToken = default) =>
        [.. (await runs.LogAsync(new() { RunId = runId, After = after }, cancellationToken: cancellationToken)).Entries.Select(Wire.FromWire)];

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<RunStatus>> ListAsync(CancellationToken cancellationToken = default) =>
        [.. (await runs.ListAsync(new(), cancellationToken: cancellationToken)).Runs.Select(Wire.FromWire)];

    /// <summary>Stops the run at the next step boundary, with a checkpoint.</summary>
    /// <param name="now">At once: it waits neither for the step under way nor for a checkpoint.</param>
    public async Task<RunStatus> CancelAsync(string runId, string reason, bool now = false, CancellationToken cancellationToken = default) =>
        (await runs.CancelAsync(new() { RunId = runId, Reason = reason, Now = now }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>Stops the run at the next step boundary, with a checkpoint, and gives its slots back.</summary>
    public async Task<RunStatus> PauseAsync(string runId, string reason, CancellationToken cancellationToken = default) =>
        (await runs.PauseAsync(new() { RunId = runId, Reason = reason }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>Lets a paused run go on.</summary>
    public async Task<RunStatus> ResumeAsync(string runId, CancellationToken cancellationToken = default) =>
        (await runs.ResumeAsync(new() { RunId = runId }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>Changes the number of workers at the next step boundary.</summary>
    public async Task<RunStatus> ScaleAsync(string runId, int workers, CancellationToken cancellationToken = default) =>
        (await runs.ScaleAsync(new() { RunId = runId, Workers = workers }, cancellationToken: cancellationToken)).FromWire();

    /// <summary>What the cluster can train, by name.</summary>
    public async Task<IReadOnlyList<TaskDescription>> TasksAsync(CancellationToken cancellationToken = default) => (await OfferAsync(cancellationToken)).Tasks;

    /// <summary>What the cluster can train, and how a run says where things lie.</summary>
    public async Task<ClusterOffer> OfferAsync(CancellationToken cancellationToken = default)
    {
        var reply = await runs.TasksAsync(new(), cancellationToken: cancellationToken);
        return new([.. reply.Tasks.Select(Wire.FromWire)], reply.HasRoots);
    }

    /// <summary>The nodes that are up.</summary>
    public async Task<IReadOnlyList<V1.Node>> NodesAsync(CancellationToken cancellationToken = default) =>
        (await runs.NodesAsync(new(), cancellationToken: cancellationToken)).Nodes;

    /// <summary>Takes a node out of use, or back into it.</summary>
    public async Task<IReadOnlyList<V1.Node>> DrainAsync(string node, bool undo, CancellationToken cancellationToken = default) =>
        (await runs.DrainAsync(new() { Node = node, Undo = undo }, cancellationToken: cancellationToken)).Nodes;

    /// <summary>Whether the silo serves. It wants no token.</summary>
    /// <param name="within">How long it may take to answer; then the call fails with <see cref="StatusCode.DeadlineExceeded"/>.</param>
    public async Task<bool> IsServingAsync(TimeSpan within, CancellationToken cancellationToken = default) =>
        (await health.CheckAsync(new(), deadline: (time.GetUtcNow() + within).UtcDateTime, cancellationToken: cancellationToken)).Status == HealthCheckResponse.Types.ServingStatus.Serving;

    /// <summary>What happens to a run until it has ended.</summary>
    /// <exception cref="LostSightException">The server has not answered for longer than <see cref="Patience"/>.</exception>
    public async IAsyncEnumerable<RunEvent> WatchAsync(string runId, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var happened in WatchAsync(await GetAsync(runId, cancellationToken), cancellationToken))
        {
            yield return happened;
        }
    }

    /// <summary>
    /// What happens to a run until it has ended. A broken connection is taken up again where it broke; a server that does not
    /// answer is an event, too.
    /// </summary>
    /// <exception cref="LostSightException">The server has not answered for longer than <see cref="Patience"/>.</exception>
    /// <param name="known">The run's last known status.</param>
    public async IAsyncEnumerable<RunEvent> WatchAsync(RunStatus known, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var runId = known.Spec.RunId;
        long after = 0;
        DateTimeOffset? lostSince = null, told = null;
        while (true)
        {
            using var call = runs.Watch(new() { RunId = runId, After = after }, cancellationToken: cancellationToken);
            if (await IsWatchingAsync(call) && AnswersAgain() is { } back)
            {
                yield return back;
            }
            var (next, broken) = await NextAsync(call.ResponseStream, cancellationToken);
            for (; next is not null; (next, broken) = await NextAsync(call.ResponseStream, cancellationToken))
            {
                if (AnswersAgain() is { } again)
                {
                    yield return again;
                }
                (known, after) = (next.Status, next.Id);
                yield return next;
                if (known.HasEnded)
                {
                    yield break;
                }
            }
            var now = time.GetUtcNow();
            var silent = now - (lostSince ??= now);
            if (silent >= Patience)
            {
                throw new LostSightException(runId, silent, broken);
            }
            // One broken connection is no news: a server that is told to end hands its watchers over.
            if (silent > TimeSpan.Zero && (told is null || now - told >= RemindEvery))
            {
                told = now;
                yield return Say($"The server does not answer ({broken}). The run may well go on; trying again for {Math.Ceiling((Patience - silent).TotalSeconds):0} s.");
            }
            await Task.Delay(RetryPause, time, cancellationToken);
        }

        // Null: that it did not answer has not been told.
        RunEvent? AnswersAgain()
        {
            var happened = told is null ? null : Say("The server answers again.");
            (lostSince, told) = (null, null);
            return happened;
        }

        RunEvent Say(string message) => new(after, time.GetUtcNow(), message, known);
    }

    /// <inheritdoc/>
    public void Dispose() => channel?.Dispose();

    private static Metadata Carry(Metadata call, string token)
    {
        call.Add("authorization", $"Bearer {token}");
        return call;
    }

    /// <summary>Whether the server has found the run. It may have nothing to say of it for hours, in which a proxy breaks the connection again and again.</summary>
    private static async Task<bool> IsWatchingAsync(AsyncServerStreamingCall<V1.Event> call)
    {
        try
        {
            return (await call.ResponseHeadersAsync).Get(WatchingHeader) is not null;
        }
        catch (RpcException)
        {
            // Why not, the stream tells.
            return false;
        }
    }

    /// <returns>The next event, or why there is none.</returns>
    private static async Task<(RunEvent? Event, string Broken)> NextAsync(IAsyncStreamReader<V1.Event> stream, CancellationToken cancellationToken)
    {
        try
        {
            return await stream.MoveNext(cancellationToken) ? (stream.Current.FromWire(), "") : (null, "it ended the connection");
        }
        catch (RpcException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        // A run that was seen is there: a server that does not know it has not found its records yet.
        catch (RpcException error) when (MayPass(error) || error.StatusCode == StatusCode.NotFound)
        {
            return (null, $"{error.StatusCode}: {Shown.Line(error.Status.DebugException?.GetBaseException().Message ?? error.Status.Detail)}");
        }
    }
}

/// <summary>What a cluster takes.</summary>
/// <param name="Tasks">What it can train, by name.</param>
/// <param name="HasRoots">Whether the paths of a spec are relative to its silos' roots; else they are whole.</param>
public sealed record ClusterOffer(IReadOnlyList<TaskDescription> Tasks, bool HasRoots);

/// <summary>A run cannot be watched any more. How it goes, or has gone, is not known.</summary>
public sealed class LostSightException(string runId, TimeSpan silent, string reason)
    : Exception($"Lost sight of run '{runId}': the server has not answered for {silent.TotalSeconds:0} s ({reason}). The run may well go on; see: granary watch {runId}")
{
    /// <summary>The run.</summary>
    public string RunId { get; } = runId;
}
