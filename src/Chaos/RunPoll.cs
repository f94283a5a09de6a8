using Granary.Contracts;
using Granary.LocalClusters;
using Grpc.Core;

namespace Granary.Chaos;

/// <summary>Knows how a run stands, by asking whichever silo answers: any of them may be gone or mute at any moment.</summary>
internal sealed class RunPoll : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly List<TrainingClient> clients;
    private readonly string runId;
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource<RunStatus> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task work;
    private volatile int heard;

    public RunPoll(IReadOnlyList<SiloProcess> silos, RunStatus first)
    {
        clients = [.. silos.Select(silo => new TrainingClient(silo.Server))];
        Latest = first;
        runId = first.Spec.RunId;
        work = PollAsync();
    }

    /// <summary>What was last heard.</summary>
    public RunStatus Latest { get; private set; }

    /// <summary>Waits for news: while nobody answers, what was last heard grows old.</summary>
    public async Task HearAsync(CancellationToken cancellationToken)
    {
        // The answer that is under way may be old, too.
        for (var news = heard + 2; heard < news && !ended.Task.IsCompleted;)
        {
            await Task.Delay(Interval / 5, cancellationToken);
        }
    }

    /// <summary>How the run has ended.</summary>
    public Task<RunStatus> Ended => ended.Task;

    public async ValueTask DisposeAsync()
    {
        stop.Cancel();
        await work;
        clients.ForEach(client => client.Dispose());
        stop.Dispose();
    }

    private async Task PollAsync()
    {
        for (var turn = 0; !stop.IsCancellationRequested && !ended.Task.IsCompleted;)
        {
            try
            {
                using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
                timeout.CancelAfter(Patience);
                Latest = await clients[turn].GetAsync(runId, timeout.Token);
                heard++;
                if (Latest.HasEnded)
                {
                    ended.SetResult(Latest);
                }
                await Task.Delay(Interval, stop.Token);
            }
            catch (Exception error) when (error is RpcException or OperationCanceledException)
            {
                turn = (turn + 1) % clients.Count;
                await Task.Delay(Interval / 5);
            }
        }
    }
}
