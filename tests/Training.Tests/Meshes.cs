using System.Net;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Randomness;
using Granary.Training.Shards;

namespace Granary.Training.Tests;

/// <summary>The processes of a round, all in this one: each has its listener, its links and its mesh, and sums on a thread of its own.</summary>
public sealed class Meshes : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly ShardRange[] ranges;
    private readonly int shards;

    private Meshes(ShardRange[] ranges, int shards, PeerLink?[][] links, TimeSpan patience)
    {
        (this.ranges, this.shards, Links) = (ranges, shards, links);
        All = [.. links.Select((own, rank) => new SocketMesh(rank, own, ranges, shards, patience))];
    }

    public SocketMesh[] All { get; }

    public PeerLink?[][] Links { get; }

    /// <param name="counts">How many shards each process has.</param>
    /// <param name="machines">The machine each process runs on. Default: all on one.</param>
    /// <param name="throughPort">The port by which the others reach the process of a rank, given its own. Default: that.</param>
    /// <param name="encryption">That of the process of a rank. Default: none encrypts.</param>
    public static async Task<Meshes> ConnectAsync(int[] counts, Transport transport = Transport.Auto, int[]? machines = null, TimeSpan? patience = null, string sharedMemory = SharedSegment.Folder, Func<int, PeerEncryption?>? encryption = null, Func<int, int, int>? throughPort = null)
    {
        var listeners = counts.Select((_, rank) => new PeerListener(IPAddress.Loopback, 0, transport, new Guid(1 + (machines?[rank] ?? 0), 0, 0, new byte[8]), sharedMemory, encryption?.Invoke(rank))).ToArray();
        try
        {
            return await MeetAsync(listeners, counts, patience, throughPort);
        }
        finally
        {
            Array.ForEach(listeners, listener => listener.Dispose());
        }
    }

    /// <param name="listeners">Of the processes, by rank; they stay the caller's.</param>
    public static async Task<Meshes> MeetAsync(PeerListener[] listeners, int[] counts, TimeSpan? patience = null, Func<int, int, int>? throughPort = null)
    {
        var members = listeners.Select((listener, rank) => new PeerAddress("127.0.0.1", throughPort?.Invoke(rank, listener.Port) ?? listener.Port)).ToArray();
        var round = Guid.NewGuid();
        using var timeout = new CancellationTokenSource(Patience);
        var links = await Task.WhenAll(listeners.Select((listener, rank) => listener.MeetAsync(round, rank, members, timeout.Token)));
        return new(ShardRange.Split(counts), counts.Sum(), links, patience ?? Patience);
    }

    /// <summary>The frames of a process: one for each of its nodes, the same for the same seed.</summary>
    public List<Partial> Partials(int rank, int values, int rowWidth = 0, ulong seed = 1) =>
        [.. CanonicalTree.Cover(ranges[rank], shards).Select(node => new Partial(node, SumOf(node, values, rowWidth, seed)))];

    /// <summary>What the sum over all shards must be.</summary>
    public Frame Expected(int values, int rowWidth = 0, ulong seed = 1) => SumOf(new(0, shards), values, rowWidth, seed);

    /// <summary>Does the same in every process, each on a thread of its own, as slots have.</summary>
    /// <returns>What each threw.</returns>
    public Exception?[] InEach(Action<SocketMesh> act)
    {
        var failures = new Exception?[All.Length];
        var threads = All.Select((mesh, rank) => new Thread(() => failures[rank] = Record.Exception(() => act(mesh)))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return failures;
    }

    public void Dispose() => Array.ForEach(All, mesh => mesh.Dispose());

    private Frame SumOf(ShardRange node, int values, int rowWidth, ulong seed)
    {
        if (node.Count == 1)
        {
            return FrameOf(node.Start, values, rowWidth, seed);
        }
        // The left half of a node is the largest power of two that is shorter than it.
        var half = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)node.Count) / 2;
        return Add(SumOf(new(node.Start, node.Start + half), values, rowWidth, seed), SumOf(new(node.Start + half, node.End), values, rowWidth, seed));
    }

    private static Frame Add(Frame left, Frame right)
    {
        left.Add(right);
        if (left.Rows is { } rows)
        {
            AddRows(rows, right.Rows!);
        }
        right.Dispose();
        return left;
    }

    private static void AddRows(SparseRows left, SparseRows right)
    {
        var sum = new SortedDictionary<int, float[]>();
        foreach (var rows in (SparseRows[])[left, right])
        {
            for (var at = 0; at < rows.Count; at++)
            {
                var row = rows.Values.Slice(at * rows.Width, rows.Width).ToArray();
                sum[rows.Numbers[at]] = sum.TryGetValue(rows.Numbers[at], out var mine) ? [.. mine.Zip(row, (a, b) => a + b)] : row;
            }
        }
        left.Reset([.. sum.Keys]);
        sum.Values.SelectMany(row => row).ToArray().CopyTo(left.Values);
    }

    private static Frame FrameOf(int shard, int values, int rowWidth, ulong seed)
    {
        var random = new StepRandom(seed, (ulong)shard);
        var frame = Frame.Allocate(values, 1, rowWidth == 0 ? null : new SparseRows(rowWidth));
        foreach (ref var value in frame.Dense)
        {
            value = random.NextSingle() - 0.5f;
        }
        if (frame.Rows is { } rows)
        {
            rows.Reset([.. Enumerable.Range(0, 3000).Where(_ => random.Next(8) == 0)]);
            foreach (ref var value in rows.Values)
            {
                value = random.NextSingle() + 0.1f;
            }
        }
        return frame;
    }
}
