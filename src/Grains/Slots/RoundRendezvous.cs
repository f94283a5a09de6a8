using System.Collections.Concurrent;
using System.Net;
using Granary.Contracts;
using Granary.Training.Exchange;
using Granary.Training.Shards;

namespace Granary.Grains.Slots;

/// <summary>
/// Where the workers of one process meet for a round, and their process meets the others. One for each operating-system
/// process, shared by all silos that live in it.
/// </summary>
public sealed class RoundRendezvous : IDisposable
{
    private static readonly TimeSpan MeetingTime = TimeSpan.FromSeconds(30);
    private readonly ConcurrentDictionary<Guid, Lazy<Task<Meeting>>> rounds = new();
    private readonly PeerListener listener;
    private readonly TimeSpan patience;

    /// <param name="address">Where to listen for gradients of other processes.</param>
    /// <param name="port">0: any free one.</param>
    /// <param name="patience">How long an exchange waits for a silent peer.</param>
    public RoundRendezvous(IPAddress address, int port, TimeSpan patience)
    {
        listener = new(address, port);
        this.patience = patience;
    }

    /// <summary>Tells this process from all others.</summary>
    public Guid Process { get; } = Guid.NewGuid();

    public int Port => listener.Port;

    /// <summary>Waits until every process of the round is connected.</summary>
    public async Task<IExchange> JoinAsync(RoundPlan plan, int worker)
    {
        var meeting = await rounds.GetOrAdd(plan.Secret, _ => new(() => MeetAsync(plan))).Value;
        if (meeting.Join())
        {
            rounds.TryRemove(plan.Secret, out _);
        }
        return meeting.Group.Exchanges[worker - meeting.FirstWorker];
    }

    public void Dispose() => listener.Dispose();

    private async Task<Meeting> MeetAsync(RoundPlan plan)
    {
        var processes = plan.Workers.GroupBy(worker => worker.Slot.Node.Process).ToList();
        var rank = processes.FindIndex(workers => workers.Key == Process);
        var mesh = processes.Count == 1 ? null : new SocketMesh(
            rank,
            await ConnectAsync(plan, processes, rank),
            [.. processes.Select(workers => new ShardRange(workers.First().ShardStart, workers.Last().ShardEnd))],
            plan.Spec.Shards,
            patience);
        var group = new ProcessGroup([.. processes[rank].Select(worker => new ShardRange(worker.ShardStart, worker.ShardEnd))], plan.Spec.Shards, mesh);
        return new(group, plan.Workers.FindIndex(worker => worker.Slot.Node.Process == Process));
    }

    private async Task<System.Net.Sockets.Socket?[]> ConnectAsync(RoundPlan plan, List<IGrouping<Guid, WorkerAssignment>> processes, int rank)
    {
        using var timeout = new CancellationTokenSource(MeetingTime);
        var members = processes.Select(workers => new PeerAddress(workers.First().Slot.Node.DataHost, workers.First().Slot.Node.DataPort)).ToList();
        return await listener.MeetAsync(plan.Secret, rank, members, timeout.Token);
    }

    private sealed record Meeting(ProcessGroup Group, int FirstWorker)
    {
        private int joined;

        /// <summary>Whether this was the last worker to come.</summary>
        public bool Join() => Interlocked.Increment(ref joined) == Group.Exchanges.Count;
    }
}
