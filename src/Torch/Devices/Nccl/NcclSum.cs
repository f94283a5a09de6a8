using Granary.Training.Shards;
using static TorchSharp.torch;

namespace Granary.Torch.Devices.Nccl;

/// <summary>
/// The sum of all ranks' partials, on each of them, in the order of the canonical tree: every rank gets its slice of all partials, adds them up as the tree
/// says, and hands its slice of the sum to all. Never by ncclAllReduce, which adds in an order that hangs on the number of ranks and on the way between them.
/// </summary>
internal sealed unsafe class NcclSum : IDisposable
{
    // 64 bytes: slices begin where every kind of access is quick.
    private const int Alignment = 16;
    private readonly NcclCommunicator communicator;
    private readonly ReplicaDevice device;
    private readonly int[] nodes;
    private readonly int first;
    private readonly long slice;
    private readonly IReadOnlyList<(int Left, int Right)> additions;
    private readonly Tensor room;
    private readonly Tensor[] operands;

    /// <param name="ranges">The shards of each rank, in order.</param>
    /// <param name="length">Floats of a partial.</param>
    public NcclSum(NcclCommunicator communicator, ReplicaDevice device, IReadOnlyList<ShardRange> ranges, int shards, long length)
    {
        (this.communicator, this.device) = (communicator, device);
        var covers = ranges.Select(range => CanonicalTree.Cover(range, shards)).ToList();
        (nodes, first) = ([.. covers.Select(cover => cover.Count)], covers.Take(communicator.Rank).Sum(cover => cover.Count));
        slice = SliceOf(length, communicator.Ranks);
        additions = CanonicalTree.Additions([.. covers.SelectMany(cover => cover)], shards);
        operands = new Tensor[nodes.Sum() + additions.Count];
        room = device.Allocate(operands.Length * slice);
        for (var i = 0; i < operands.Length; i++)
        {
            operands[i] = room.narrow(0, i * slice, slice).DetachFromDisposeScope();
        }
    }

    /// <summary>The most floats that <see cref="Padded"/> adds, for as many ranks as there are shards.</summary>
    public static long MostRoom(int shards) => 2L * Alignment * shards;

    /// <summary>Floats that the memory of a partial must have for so many ranks: some more than the partial.</summary>
    public static long Padded(long length, int ranks) => SliceOf(length, ranks) * ranks;

    /// <param name="mine">This rank's partials, padded. What they hold is kept, but for what <paramref name="into"/> is.</param>
    /// <param name="into">Becomes the sum; may be one of <paramref name="mine"/>.</param>
    /// <exception cref="NcclException">A peer is gone, or the round is over.</exception>
    public void Sum(IReadOnlyList<Tensor> mine, Tensor into)
    {
        using var scope = NewDisposeScope();
        using var outside = no_grad();
        communicator.Together(() => Exchange(mine));
        var inputs = nodes.Sum();
        Tensor Operand(int number) => number >= first && number < first + mine.Count ? Slice(mine[number - first]) : operands[number];
        var sum = Operand(0);
        for (var i = 0; i < additions.Count; i++)
        {
            sum = operands[inputs + i];
            sum.copy_(Operand(additions[i].Left)).add_(Operand(additions[i].Right));
        }
        Slice(into).copy_(sum);
        communicator.Gather(device.Address(into), slice);
    }

    public void Dispose()
    {
        foreach (var operand in operands)
        {
            operand.Dispose();
        }
        room.Dispose();
    }

    private static long SliceOf(long length, int ranks) => ((length + ranks - 1) / ranks + Alignment - 1) / Alignment * Alignment;

    private void Exchange(IReadOnlyList<Tensor> mine)
    {
        for (int peer = 0, input = 0; peer < communicator.Ranks; input += nodes[peer++])
        {
            if (peer == communicator.Rank)
            {
                continue;
            }
            foreach (var partial in mine)
            {
                communicator.Send(device.Address(partial) + peer * slice, slice, peer);
            }
            for (var node = 0; node < nodes[peer]; node++)
            {
                communicator.Receive(device.Address(operands[input + node]), slice, peer);
            }
        }
    }

    private Tensor Slice(Tensor padded) => padded.narrow(0, communicator.Rank * slice, slice);
}
