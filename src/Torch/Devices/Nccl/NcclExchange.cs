using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Frames;
using Granary.Training.Shards;
using static TorchSharp.torch;

namespace Granary.Torch.Devices.Nccl;

/// <summary>
/// The exchange of one worker whose frames lie on a device: they are added there, over NCCL. What lies on the host (digests of states, sums of
/// held-out data) and the hand-over of a state go the ordinary way.
/// </summary>
/// <param name="ordinary">Owned by this one.</param>
/// <param name="communicator">That of the round, which all workers have joined; owned by this one.</param>
/// <param name="ranges">The shards of each worker of the round, in order.</param>
internal sealed class NcclExchange(IExchange ordinary, NcclCommunicator communicator, ReplicaDevice device, IReadOnlyList<ShardRange> ranges, int shards) : IExchange
{
    private readonly Dictionary<long, NcclSum> sums = [];
    private bool isOrdinary;

    public bool SumsOnDevices => true;

    public long BytesSent => ordinary.BytesSent;

    public Frame Sum(IReadOnlyList<Partial> partials, long step, int phase)
    {
        isOrdinary = partials[0].Frame.Device is null;
        if (isOrdinary)
        {
            return ordinary.Sum(partials, step, phase);
        }
        try
        {
            using var here = device.Enter();
            using var scope = NewDisposeScope();
            var memories = partials.Select(partial => (FrameMemory)partial.Frame.Owner!).ToList();
            var length = memories[0].Length;
            if (!sums.TryGetValue(length, out var sum))
            {
                sums.Add(length, sum = new(communicator, device, ranges, shards, length));
            }
            foreach (var memory in memories)
            {
                memory.TailToDevice();
            }
            List<Tensor> flats = [.. memories.Select(memory => memory.Padded(NcclSum.Padded(length, communicator.Ranks)))];
            using (device.Measure(DeviceWork.Exchange))
            {
                sum.Sum(flats, flats[0]);
            }
            memories[0].TailToHost();
            partials[0].Frame.ChangedOnDevice();
            return partials[0].Frame;
        }
        catch (NcclException broken)
        {
            Abort(broken.Message);
            throw new ExchangeAbortedException(broken.Message, broken);
        }
    }

    public void Release()
    {
        if (isOrdinary)
        {
            ordinary.Release();
        }
    }

    public void Share(Handoff mine, int source, IReadOnlyList<int> behind) => ordinary.Share(mine, source, behind);

    public void WhenAborted(Action<string> act) => ordinary.WhenAborted(act);

    public void Abort(string reason)
    {
        communicator.Abort(reason);
        ordinary.Abort(reason);
    }

    public void Dispose()
    {
        communicator.Dispose();
        ordinary.Dispose();
        foreach (var sum in sums.Values)
        {
            sum.Dispose();
        }
    }
}
