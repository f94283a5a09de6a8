using Granary.Torch.Devices;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Networks;

/// <summary>
/// The buffers of a network, such as the running statistics of batch normalization, as views of one flat tensor. Every shard of a step begins
/// with the committed values; its change to them travels in the frame, times its weight, and the mean is committed. What no shard moves stays
/// as it is, to the bit.
/// </summary>
internal sealed unsafe class NetworkBuffers : IDisposable
{
    private readonly List<(string Name, long[] Shape, long Start)> places = [];
    private readonly List<Tensor> counts;
    private readonly Tensor values;
    private readonly DeviceFloats committed;

    public NetworkBuffers(nn.Module network, ReplicaDevice device)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var kinds = network.named_buffers().ToLookup(entry => entry.buffer.dtype == ScalarType.Float32);
        var floats = kinds[true].ToList();
        Length = floats.Sum(entry => entry.buffer.numel());
        (values, committed) = (device.Allocate(Length), new(device, Length));
        var start = 0L;
        foreach (var (name, buffer) in floats)
        {
            places.Add((name, buffer.shape, start));
            device.MoveInto(buffer, values.narrow(0, start, buffer.numel()).view(buffer.shape).copy_(buffer));
            start += buffer.numel();
        }
        foreach (var (_, buffer) in kinds[false])
        {
            device.MoveInto(buffer, device.Bring(buffer));
        }
        counts = [.. network.modules().Prepend(network).Distinct().OfType<NormBase>().Select(norm => norm.num_batches_tracked).OfType<Tensor>()];
        committed.Tensor.copy_(values);
    }

    /// <summary>Floats in all.</summary>
    public long Length { get; }

    /// <summary>The committed values, for whoever copies the state.</summary>
    public DeviceFloats Committed => committed;

    /// <summary>The buffers as <c>state_dict</c> names them, each under the given prefix. Counts of batches are not among them: they follow from the updates.</summary>
    public IEnumerable<StateTensor> State(string prefix = "") =>
        [.. places.Select(place => new StateTensor(prefix + place.Name, place.Shape, StateKind.Model, committed.Pointer + place.Start))];

    /// <summary>Gives the network the committed values.</summary>
    /// <param name="updates">How many were made so far: the batches that have been tracked.</param>
    public void Restore(long updates)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        if (Length > 0)
        {
            values.copy_(committed.Tensor);
        }
        foreach (var count in counts)
        {
            count.fill_(updates);
        }
    }

    /// <summary>The values that the network has now, in no scope.</summary>
    public Tensor Copy() => values.clone().DetachFromDisposeScope();

    /// <summary>Repeats a change from <paramref name="before"/> to <paramref name="after"/> in the network: values that it left alone stay.</summary>
    public void Move(Tensor before, Tensor after)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        values.copy_(values.where(after.eq(before), after));
    }

    /// <summary>How far a shard has moved the values, times its weight.</summary>
    public void Collect(Tensor into, double weight)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        // A mask holds infinities, whose difference is not a number; and a shard of one sample has no variance.
        into.copy_((values - committed.Tensor).to(float64).mul_(weight).nan_to_num(0, 0, 0));
    }

    /// <param name="sum">Over all shards.</param>
    public void Commit(Tensor sum, double weight)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var moved = committed.Tensor.to(float64).add_(sum.to(float64).div_(weight)).to(float32);
        committed.Tensor.copy_(committed.Tensor.where(sum.eq(0), moved));
    }

    public void Dispose()
    {
        values.Dispose();
        committed.Dispose();
    }
}
