using Grpc.Core;

namespace Granary.Cluster.Tests.Client;

/// <summary>A gateway without a network: what it answers to each call to watch is written down beforehand.</summary>
internal sealed class ScriptedServer : CallInvoker
{
    private readonly Queue<object[]> watches = [];

    /// <summary>What is known of the run; an exception is thrown instead.</summary>
    public object Run { get; set; } = Status(V1.State.Running);

    /// <summary>What each call to watch was to begin after.</summary>
    public List<long> After { get; } = [];

    public static V1.Run Status(V1.State state, long step = 1) => new() { State = state, Step = step, Spec = new() { RunId = "run", Task = "two-layer" }, Elapsed = new(), Since = new() };

    public static V1.Event Event(long id, V1.State state = V1.State.Running, string message = "") => new() { Id = id, Run = Status(state, id), Message = message, Time = new() };

    public static RpcException Broken(StatusCode code, string detail = "gone") => new(new(code, detail));

    /// <summary>The next call to watch gets these events, and in the end the exception if there is one. The last such answer is repeated.</summary>
    public ScriptedServer Answers(params object[] eventsAndEnd)
    {
        watches.Enqueue(eventsAndEnd);
        return this;
    }

    /// <summary>With these a call to watch begins.</summary>
    public Metadata Headers { get; set; } = [];

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => new(
        Run is Exception error ? Task.FromException<TResponse>(error) : Task.FromResult((TResponse)Run),
        Task.FromResult<Metadata>([]), () => Grpc.Core.Status.DefaultSuccess, () => [], () => { });

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        After.Add(((V1.WatchRequest)(object)request!).After);
        return new(new Stream<TResponse>(watches.Count > 1 ? watches.Dequeue() : watches.Peek()), Task.FromResult(Headers), () => Grpc.Core.Status.DefaultSuccess, () => [], () => { });
    }

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    private sealed class Stream<T>(object[] answer) : IAsyncStreamReader<T>
    {
        private int next;

        public T Current { get; private set; } = default!;

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (next == answer.Length)
            {
                return Task.FromResult(false);
            }
            if (answer[next] is Exception error)
            {
                return Task.FromException<bool>(error);
            }
            Current = (T)answer[next++];
            return Task.FromResult(true);
        }
    }
}
