using System.Collections.Concurrent;
using System.Net;
using Granary.Contracts;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Shards;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Granary.Grains.Slots;

/// <summary>
/// Where the workers of one process meet for a round, and their process meets the others. One for each operating-system
/// process, shared by all silos that live in it.
/// </summary>
public sealed partial class RoundRendezvous : IDisposable
{
    private static readonly TimeSpan MeetingTime = TimeSpan.FromSeconds(30);
    private readonly ConcurrentDictionary<Guid, Lazy<Task<Meeting>>> rounds = new();
    private readonly PeerListener listener;
    private readonly TimeSpan patience;
    private readonly ILogger logger;

    /// <param name="address">Where to listen for gradients of other processes.</param>
    /// <param name="port">0: any free one.</param>
    /// <param name="patience">How long an exchange waits for a silent peer.</param>
    /// <param name="transport">How gradients travel to processes of the same machine.</param>
    /// <param name="encryption">Encrypts what goes over TCP. Default: nothing does.</param>
    public RoundRendezvous(IPAddress address, int port, TimeSpan patience, Transport transport = Transport.Auto, ILogger<RoundRendezvous>? logger = null, PeerEncryption? encryption = null)
    {
        listener = new(address, port, transport, encryption: encryption);
        this.patience = patience;
        IsAutomatic = transport == Transport.Auto;
        this.logger = logger ?? NullLogger<RoundRendezvous>.Instance;
    }

    /// <summary>Tells this process from all others.</summary>
    public Guid Process { get; } = Guid.NewGuid();

    public int Port => listener.Port;

    /// <summary>Whether gradients may travel by whatever is fastest.</summary>
    public bool IsAutomatic { get; }

    /// <summary>Waits until every process of the round is connected.</summary>
    /// <param name="cancellationToken">Gives up, for all workers of this process.</param>
    public async Task<IExchange> JoinAsync(RoundPlan plan, int worker, CancellationToken cancellationToken)
    {
        try
        {
            var meeting = await rounds.GetOrAdd(plan.Secret, _ => new(() => MeetAsync(plan, cancellationToken))).Value;
            return meeting.Join(worker);
        }
        catch
        {
            rounds.TryRemove(plan.Secret, out _);
            throw;
        }
    }

    /// <summary>The round is over. Workers that have not joined it never will: their part of the meeting is freed.</summary>
    public void Leave(RoundPlan plan)
    {
        if (rounds.TryRemove(plan.Secret, out var meeting) && meeting.IsValueCreated)
        {
            // Now, or as soon as the others have been met.
            _ = meeting.Value.ContinueWith(met => met.Result.Abandon(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    public void Dispose() => listener.Dispose();

    private async Task<Meeting> MeetAsync(RoundPlan plan, CancellationToken cancellationToken)
    {
        var processes = plan.Workers.GroupBy(worker => worker.Slot.Node.Process).ToList();
        var rank = processes.FindIndex(workers => workers.Key == Process);
        var mesh = processes.Count == 1 ? null : new SocketMesh(
            rank,
            await ConnectAsync(plan, processes, rank, cancellationToken),
            [.. processes.Select(workers => new ShardRange(workers.First().ShardStart, workers.Last().ShardEnd))],
            plan.Spec.Shards,
            patience);
        var group = new ProcessGroup(
            [.. processes[rank].Select(worker => new ShardRange(worker.ShardStart, worker.ShardEnd))],
            plan.Spec.Shards,
            mesh,
            [.. plan.Workers.Select(worker => processes.FindIndex(workers => workers.Key == worker.Slot.Node.Process))]);
        return new(group, plan.Workers.FindIndex(worker => worker.Slot.Node.Process == Process));
    }

    private async Task<PeerLink?[]> ConnectAsync(RoundPlan plan, List<IGrouping<Guid, WorkerAssignment>> processes, int rank, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(MeetingTime);
        var members = processes.Select(workers => new PeerAddress(workers.First().Slot.Node.DataHost, workers.First().Slot.Node.DataPort)).ToList();
        var links = await listener.MeetAsync(plan.Secret, rank, members, timeout.Token);
        foreach (var link in links.OfType<PeerLink>())
        {
            var node = processes[link.Process].First().Slot.Node.Name;
            LogLinked(plan.Number, plan.Spec.RunId, node, link.Transport, link.IsEncrypted ? ", encrypted" : "");
            if (link.Remark.Length > 0)
            {
                LogTriedBefore(plan.Number, plan.Spec.RunId, node, link.Remark);
            }
        }
        return links;
    }

    [LoggerMessage(LogLevel.Information, "Round {Round} of run {RunId} is linked to {Peer} by {Transport}{Encrypted}")]
    private partial void LogLinked(long round, string runId, string peer, Transport transport, string encrypted);

    [LoggerMessage(LogLevel.Debug, "Round {Round} of run {RunId}: what was tried first and did not fit for {Peer}: {Remark}")]
    private partial void LogTriedBefore(long round, string runId, string peer, string remark);

    private sealed class Meeting(ProcessGroup group, int firstWorker)
    {
        private readonly bool[] joined = new bool[group.Exchanges.Count];

        public IExchange Join(int worker)
        {
            lock (joined)
            {
                joined[worker - firstWorker] = true;
                return group.Exchanges[worker - firstWorker];
            }
        }

        public void Abandon()
        {
            group.Abort("The round is over.");
            lock (joined)
            {
                for (var worker = 0; worker < joined.Length; worker++)
                {
                    if (!joined[worker])
                    {
                        joined[worker] = true;
                        group.Exchanges[worker].Dispose();
                    }
                }
            }
        }
    }
}
