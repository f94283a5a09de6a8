using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Shards;

namespace Granary.Training.Exchange;

/// <summary>
/// The workers of one process in one round. They add through memory: each sums its slice of the vector over all workers'
/// partials, in place, and all read the sum from where it is. If other processes take part, the first worker adds with them
/// through the <see cref="SocketMesh"/>.
/// </summary>
/// <remarks>
/// Nobody's memory is written or freed while another worker reads it:
/// <list type="bullet">
/// <item>A worker's partials are read and added to by others only after all have entered a sum, and before the last has done its slice.</item>
/// <item>Afterwards only the first worker's frame, where the root is, is read: that worker's release waits for those of all others.</item>
/// <item>Whoever leaves a broken round waits until all others have left it, those who still read a sum included.</item>
/// </list>
/// </remarks>
public sealed class ProcessGroup : IDisposable
{
    private readonly IReadOnlyList<Partial>[] partials;
    private readonly List<GroupSum?> sums = [];
    private readonly EventCount arrivals;
    private readonly EventCount releases;
    private readonly SocketMesh? mesh;
    private readonly Member[] members;
    private readonly Handoff[] states;
    private readonly IReadOnlyList<int> processes;
    private readonly int shards;
    private readonly List<Action<string>> whenAborted = [];
    private int left;
    private int inside;
    private string? aborted;

    /// <param name="ranges">The shards of each worker of this process, in order and contiguous.</param>
    /// <param name="shards">Shards of the run.</param>
    /// <param name="mesh">The way to the other processes; <see langword="null"/>: there are none. Owned by the group.</param>
    /// <param name="processes">The process of every worker of the round, in order. Default: this one.</param>
    public ProcessGroup(IReadOnlyList<ShardRange> ranges, int shards, SocketMesh? mesh = null, IReadOnlyList<int>? processes = null)
    {
        this.mesh = mesh;
        this.shards = shards;
        this.processes = processes ?? [.. ranges.Select(_ => 0)];
        states = new Handoff[ranges.Count];
        partials = new IReadOnlyList<Partial>[ranges.Count];
        arrivals = new(ranges.Count);
        releases = new(ranges.Count);
        members = [.. ranges.Select((_, worker) => new Member(this, worker))];
        mesh?.OnFailure(Abort);
    }

    /// <summary>What each worker sums with, in the order of the ranges.</summary>
    public IReadOnlyList<IExchange> Exchanges => members;

    /// <summary>Ends the round for all workers of this process, and tells the others.</summary>
    public void Abort(string why)
    {
        if (Interlocked.CompareExchange(ref aborted, why, null) is null)
        {
            arrivals.Close();
            releases.Close();
            mesh?.Abort(why);
            Action<string>[] told;
            lock (whenAborted)
            {
                told = [.. whenAborted];
            }
            foreach (var act in told)
            {
                act(why);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Abort("The round has ended.");
        foreach (var sum in sums)
        {
            sum?.Dispose();
        }
        mesh?.Dispose();
    }

    private void WhenAborted(Action<string> act)
    {
        lock (whenAborted)
        {
            whenAborted.Add(act);
        }
        if (Volatile.Read(ref aborted) is { } why)
        {
            act(why);
        }
    }

    private void Enter()
    {
        Interlocked.Increment(ref inside);
        if (Volatile.Read(ref aborted) is { } reason)
        {
            throw new ExchangeAbortedException(reason);
        }
    }

    private void Leave()
    {
        Interlocked.Decrement(ref inside);
        if (Volatile.Read(ref aborted) is not null)
        {
            SpinWait.SpinUntil(() => Volatile.Read(ref inside) == 0);
        }
    }

    private void BreakOff()
    {
        Abort("A worker of this process failed in the exchange.");
        Leave();
    }

    /// <summary>Called by one of the workers when all are inside; the others wait for it, or find what it has made.</summary>
    private GroupSum SumOf(int phase)
    {
        lock (sums)
        {
            while (sums.Count <= phase)
            {
                sums.Add(null);
            }
            return sums[phase] ??= new(partials, shards);
        }
    }

    private sealed class Member(ProcessGroup group, int worker) : IExchange
    {
        private long arrived;
        private long released;
        private int disposed;

        public long BytesSent => worker == 0 ? group.mesh?.BytesSent ?? 0 : 0;

        public Frame Sum(IReadOnlyList<Partial> mine, long step, int phase)
        {
            var whole = false;
            try
            {
                group.Enter();
                group.partials[worker] = mine;
                Meet();
                var sum = group.SumOf(phase);
                if (sum.HasRows)
                {
                    sum.FindRows(worker, group.partials);
                    Meet();
                }
                sum.Add(worker, group.partials);
                Meet();
                if (group.mesh is { } mesh)
                {
                    if (worker == 0)
                    {
                        mesh.Sum(sum.Sums, step, phase);
                    }
                    Meet();
                }
                whole = true;
                return sum.Sums[0].Frame;
            }
            finally
            {
                if (!whole)
                {
                    group.BreakOff();
                }
            }
        }

        public void Release()
        {
            if (worker != 0)
            {
                group.releases.Raise();
            }
            else
            {
                released += group.members.Length - 1;
                group.releases.Await(released);
            }
            group.Leave();
        }

        public void Share(Handoff mine, int source, IReadOnlyList<int> behind)
        {
            var whole = false;
            try
            {
                group.Enter();
                ShareTogether(mine, source, behind);
                group.Leave();
                whole = true;
            }
            finally
            {
                if (!whole)
                {
                    group.BreakOff();
                }
            }
        }

        public void WhenAborted(Action<string> act) => group.WhenAborted(act);

        public void Abort(string reason) => group.Abort(reason);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref disposed, 1) == 0 && Interlocked.Increment(ref group.left) == group.members.Length)
            {
                group.Dispose();
            }
        }

        /// <summary>Returns when all workers have come here.</summary>
        private void Meet()
        {
            arrived += group.members.Length;
            group.arrivals.Raise();
            if (!group.arrivals.Await(arrived))
            {
                throw new ExchangeAbortedException(group.aborted!);
            }
        }

        private void ShareTogether(Handoff mine, int source, IReadOnlyList<int> behind)
        {
            var rank = group.mesh?.Rank ?? 0;
            var first = Enumerable.Range(0, group.processes.Count).First(other => group.processes[other] == rank);
            group.states[worker] = mine;
            Meet();
            // The source of this process: the round's, or the first worker here that gets its state from another process.
            var here = group.processes[source] == rank ? source : behind.Where(other => group.processes[other] == rank).Select(other => (int?)other).FirstOrDefault();
            if (worker == 0 && group.mesh is { } mesh)
            {
                if (here == source)
                {
                    mesh.SendState(group.states[source - first], behind.Select(other => group.processes[other]).Distinct().Where(process => process != rank));
                }
                else if (here is { } receiver)
                {
                    mesh.ReceiveState(group.states[receiver - first], group.processes[source]);
                }
            }
            Meet();
            if (here is { } origin && worker != origin - first && behind.Contains(first + worker))
            {
                mine.CopyFrom(group.states[origin - first]);
            }
            Meet();
        }
    }
}
