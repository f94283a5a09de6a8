using Granary.Training.Frames;
using Granary.Training.Shards;

namespace Granary.Training.Exchange;

/// <summary>
/// The workers of one process in one round. They add through memory: each sums its slice of the vector over all workers'
/// partials. If other processes take part, the first worker then adds with them through the <see cref="SocketMesh"/>.
/// </summary>
public sealed unsafe class ProcessGroup : IDisposable
{
    private readonly IReadOnlyList<Partial>[] partials;
    private readonly ShardRange[] nodes;
    private readonly Partial[] sums;
    private readonly Barrier barrier;
    private readonly CancellationTokenSource abort = new();
    private readonly SocketMesh? mesh;
    private readonly Member[] members;
    private readonly SharedState[] states;
    private readonly IReadOnlyList<int> processes;
    private int left;
    private int inside;
    private string reason = "The round has ended.";

    /// <param name="ranges">The shards of each worker of this process, in order and contiguous.</param>
    /// <param name="shards">Shards of the run.</param>
    /// <param name="mesh">The way to the other processes; <see langword="null"/>: there are none. Owned by the group.</param>
    /// <param name="processes">The process of every worker of the round, in order. Default: this one.</param>
    public ProcessGroup(IReadOnlyList<ShardRange> ranges, int shards, SocketMesh? mesh = null, IReadOnlyList<int>? processes = null)
    {
        this.mesh = mesh;
        this.processes = processes ?? [.. ranges.Select(_ => 0)];
        states = new SharedState[ranges.Count];
        partials = new IReadOnlyList<Partial>[ranges.Count];
        barrier = new(ranges.Count);
        nodes = [.. ranges.SelectMany(range => CanonicalTree.Cover(range, shards))];
        var cover = CanonicalTree.Cover(new(ranges[0].Start, ranges[^1].End), shards);
        sums = new Partial[cover.Count];
        members = [.. ranges.Select((_, worker) => new Member(this, worker, [.. cover.Select(sum =>
            new TreeSum([.. nodes.Where(node => node.Start >= sum.Start && node.End <= sum.End)], shards))]))];
        mesh?.OnFailure(Abort);
    }

    /// <summary>What each worker sums with, in the order of the ranges.</summary>
    public IReadOnlyList<IExchange> Exchanges => members;

    public void Abort(string why)
    {
        if (!abort.IsCancellationRequested)
        {
            reason = why;
            abort.Cancel();
            mesh?.Abort(why);
        }
    }

    public void Dispose()
    {
        Abort("The round has ended.");
        foreach (var member in members)
        {
            member.DisposeSums();
        }
        mesh?.Dispose();
    }

    /// <summary>
    /// Whoever leaves an aborted call waits until all others have left it, too: its memory, which they may be reading, can be
    /// freed as soon as it is gone.
    /// </summary>
    private void Together(Action action)
    {
        Interlocked.Increment(ref inside);
        var whole = false;
        try
        {
            action();
            whole = true;
        }
        finally
        {
            Interlocked.Decrement(ref inside);
            if (!whole)
            {
                Abort("A worker of this process failed in the exchange.");
                SpinWait.SpinUntil(() => Volatile.Read(ref inside) == 0);
            }
        }
    }

    private void Wait()
    {
        try
        {
            barrier.SignalAndWait(abort.Token);
        }
        catch (OperationCanceledException)
        {
            throw new ExchangeAbortedException(reason);
        }
    }

    private sealed class Member(ProcessGroup group, int worker, TreeSum[] trees) : IExchange
    {
        private readonly nint[] inputs = new nint[group.nodes.Length];
        private readonly RowUnion?[] unions = new RowUnion?[trees.Length];

        public long BytesSent => worker == 0 ? group.mesh?.BytesSent ?? 0 : 0;

        public void Share(SharedState mine, int source, IReadOnlyList<int> behind) => group.Together(() =>
        {
            var rank = group.mesh?.Rank ?? 0;
            var first = Enumerable.Range(0, group.processes.Count).First(other => group.processes[other] == rank);
            group.states[worker] = mine;
            group.Wait();
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
            group.Wait();
            if (here is { } origin && worker != origin - first && behind.Contains(first + worker))
            {
                mine.CopyFrom(group.states[origin - first]);
            }
            group.Wait();
        });

        public void Sum(IReadOnlyList<Partial> mine, long step, int phase) => group.Together(() => SumTogether(mine, step, phase));

        private void SumTogether(IReadOnlyList<Partial> mine, long step, int phase)
        {
            group.partials[worker] = mine;
            group.Wait();
            var all = group.partials.SelectMany(partial => partial).Select(partial => partial.Frame).ToArray();
            var result = mine[0].Frame;
            for (var (sum, first) = (0, 0); sum < trees.Length; first += trees[sum++].Inputs)
            {
                AddSlice(sum, all.AsSpan(first, trees[sum].Inputs));
            }
            group.Wait();
            if (group.mesh is { } mesh && worker == 0)
            {
                mesh.Sum(group.sums, step, phase);
            }
            if (group.mesh is not null)
            {
                group.Wait();
            }
            var root = group.sums[0].Frame;
            if (root != result)
            {
                root.Dense.CopyTo(result.Dense);
                if (root.Rows is { } rows)
                {
                    result.Rows!.Reset(rows.Numbers);
                    rows.Values.CopyTo(result.Rows.Values);
                }
            }
            group.Wait();
        }

        public void Abort(string reason) => group.Abort(reason);

        public void Dispose()
        {
            if (Interlocked.Increment(ref group.left) == group.members.Length)
            {
                group.Dispose();
            }
        }

        internal void DisposeSums()
        {
            foreach (var tree in trees)
            {
                tree.Dispose();
            }
            foreach (var union in unions)
            {
                union?.Dispose();
            }
        }

        /// <summary>This worker's slice of one sum, over all frames that go into it, into the first of them.</summary>
        private void AddSlice(int sum, ReadOnlySpan<Frame> frames)
        {
            var into = frames[0];
            if (worker == 0)
            {
                group.sums[sum] = new(trees[sum].Node, into);
            }
            var slice = ShardSlice.Of(into.Size, worker, group.members.Length);
            for (var i = 0; i < frames.Length; i++)
            {
                inputs[i] = (nint)(frames[i].Pointer + slice.Start);
            }
            if (frames.Length > 1)
            {
                trees[sum].Sum(inputs, into.Pointer + slice.Start, slice.Count);
                if (into.Rows is not null)
                {
                    AddRows(sum, frames);
                }
            }
        }

        private void AddRows(int sum, ReadOnlySpan<Frame> frames)
        {
            if (worker == 0)
            {
                var union = unions[sum] ??= new(frames[0].Rows!.Width);
                union.Add(frames, trees[sum]);
                frames[0].Rows!.Reset(union.Sum.Numbers);
                union.Sum.Values.CopyTo(frames[0].Rows!.Values);
            }
        }
    }
}
