using Granary.Training.Frames;
using Granary.Training.Shards;

namespace Granary.Training.Exchange;

/// <summary>
/// The workers of one process in one round. They add through memory: each sums its slice of the vector over all workers'
/// partials, into memory of the group that all of them read. If other processes take part, the first worker then adds with
/// them through the <see cref="SocketMesh"/>.
/// </summary>
/// <remarks>
/// A sum is written only between the first barrier of a call and its last. Past the first all workers have come, so that
/// nobody reads the sum before it any more; past the last it is complete, and nobody reads another worker's partials. What is
/// read outside a call is the group's, and is freed only when every worker has disposed its exchange.
/// </remarks>
public sealed unsafe class ProcessGroup : IDisposable
{
    private readonly IReadOnlyList<Partial>[] partials;
    private readonly ShardRange[] nodes;
    private readonly Partial[] sums;
    private readonly List<Frame?> roots = [];
    private readonly Barrier barrier;
    private readonly CancellationTokenSource abort = new();
    private readonly SocketMesh? mesh;
    private readonly Member[] members;
    private readonly SharedState[] states;
    private readonly IReadOnlyList<int> processes;
    private Frame? root;
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
        foreach (var root in roots)
        {
            root?.Dispose();
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

    /// <summary>Where the sum of a phase goes. A single worker has no one to share it with: the partial's own frame will do.</summary>
    private Frame Root(int phase, Frame like)
    {
        while (roots.Count <= phase)
        {
            roots.Add(null);
        }
        return members.Length == 1 ? like : roots[phase] ??= like.AllocateLike();
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

        public Frame Sum(IReadOnlyList<Partial> mine, long step, int phase)
        {
            Frame? sum = null;
            group.Together(() => sum = SumTogether(mine, step, phase));
            return sum!;
        }

        private Frame SumTogether(IReadOnlyList<Partial> mine, long step, int phase)
        {
            group.partials[worker] = mine;
            if (worker == 0)
            {
                group.root = group.Root(phase, mine[0].Frame);
            }
            group.Wait();
            var root = group.root!;
            var all = group.partials.SelectMany(partial => partial).Select(partial => partial.Frame).ToArray();
            for (var (sum, first) = (0, 0); sum < trees.Length; first += trees[sum++].Inputs)
            {
                AddSlice(sum, all.AsSpan(first, trees[sum].Inputs));
            }
            group.Wait();
            if (group.mesh is { } mesh && worker == 0)
            {
                mesh.Sum(group.sums, root, step, phase);
            }
            if (group.mesh is not null)
            {
                group.Wait();
            }
            return root;
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
            var into = sum == 0 && frames.Length > 1 ? group.root! : frames[0];
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
                if (into.Rows is { } rows)
                {
                    AddRows(sum, frames, rows);
                }
            }
        }

        private void AddRows(int sum, ReadOnlySpan<Frame> frames, SparseRows into)
        {
            if (worker == 0)
            {
                var union = unions[sum] ??= new(frames[0].Rows!.Width);
                union.Add(frames, trees[sum]);
                into.Reset(union.Sum.Numbers);
                union.Sum.Values.CopyTo(into.Values);
            }
        }
    }
}
