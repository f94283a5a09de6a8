using System.Runtime.InteropServices;
using Granary.Training.Exchange;
using Granary.Training.Frames;
using Granary.Training.Shards;

namespace Granary.Torch.Devices.Nccl;

/// <summary>Exchanges over NCCL, for replicas on one device each.</summary>
internal sealed class NcclExchanges : IDeviceExchanges
{
    // Of no phase of a run, so that the frames of the vote have a place of their own.
    private const int VotePhase = 1 << 10;
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(20);
    private readonly ReplicaDevice device;
    private readonly NcclLibrary? nccl;

    public NcclExchanges(ReplicaDevice device)
    {
        this.device = device;
        try
        {
            nccl = NcclLibrary.Find();
            Lack = nccl is null ? "There is no NCCL: neither libnccl.so.2 nor one within libtorch." : null;
        }
        catch (NcclException error)
        {
            Lack = error.Message;
        }
    }

    public string? Lack { get; }

    public byte[] CreateMeeting()
    {
        var id = nccl!.CreateId();
        return MemoryMarshal.AsBytes(new ReadOnlySpan<NcclId>(in id)).ToArray();
    }

    public IExchange Join(IExchange ordinary, byte[] meeting, int worker, IReadOnlyList<ShardRange> ranges, out string remark)
    {
        using var here = device.Enter();
        var communicator = Meet(ordinary, MemoryMarshal.Read<NcclId>(meeting), worker, ranges.Count, out var fault);
        if (All(ordinary, ranges[worker], ranges[^1].End, communicator is not null))
        {
            remark = $"NCCL {nccl!.Version}";
            return new NcclExchange(ordinary, communicator!, device, ranges, ranges[^1].End);
        }
        communicator?.Abort("Not all workers have come.");
        communicator?.Dispose();
        remark = $"the host, as NCCL did not come about: {fault ?? "another worker could not join."}";
        return ordinary;
    }

    private NcclCommunicator? Meet(IExchange ordinary, NcclId id, int rank, int ranks, out string? fault)
    {
        fault = null;
        NcclCommunicator? communicator = null;
        try
        {
            communicator = new(nccl!, id, rank, ranks);
            ordinary.WhenAborted(communicator.Abort);
            communicator.Await(patience);
            return communicator;
        }
        catch (NcclException error)
        {
            fault = error.Message;
            communicator?.Abort(error.Message);
            communicator?.Dispose();
            return null;
        }
    }

    /// <summary>Whether all workers say yes: each votes for its shards.</summary>
    private static bool All(IExchange ordinary, ShardRange mine, int shards, bool yes)
    {
        using var fold = new FrameFold(shards, () => Frame.Allocate(1, 0));
        var sum = ordinary.Sum(fold.Compute(mine, (_, frame) =>
        {
            frame.Clear();
            frame.Values[0] = yes ? 1 : 0;
        }), step: 0, VotePhase);
        try
        {
            return sum.Values[0] == shards;
        }
        finally
        {
            ordinary.Release();
        }
    }
}
