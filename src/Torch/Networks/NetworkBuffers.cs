using System.Runtime.InteropServices;
using Granary.Training.Numerics;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Networks;

/// <summary>
/// The buffers of a network, such as the running statistics of batch normalization. Every shard of a step begins with the
/// committed values; its change to them travels in the frame, times its weight, and the mean is committed. What no shard moves stays
/// as it is, to the bit.
/// </summary>
internal sealed unsafe class NetworkBuffers : IDisposable
{
    private readonly List<(string Name, Tensor Tensor, int Offset)> places = [];
    private readonly List<Tensor> counts;
    private readonly NativeFloats committed;

    public NetworkBuffers(nn.Module network)
    {
        foreach (var (name, buffer) in network.named_buffers().Where(entry => entry.buffer.dtype == ScalarType.Float32))
        {
            places.Add((name, buffer, Length));
            Length += checked((int)buffer.numel());
        }
        counts = [.. network.modules().Prepend(network).Distinct().OfType<NormBase>().Select(norm => norm.num_batches_tracked).OfType<Tensor>()];
        committed = new(Length);
        foreach (var place in places)
        {
            Values(place.Tensor).CopyTo(Committed(place));
        }
    }

    /// <summary>Floats in all.</summary>
    public int Length { get; private set; }

    /// <summary>The buffers as <c>state_dict</c> names them, each under the given prefix. Counts of batches are not among them: they follow from the updates.</summary>
    public IEnumerable<StateTensor> State(string prefix = "") =>
        [.. places.Select(place => new StateTensor(prefix + place.Name, place.Tensor.shape, StateKind.Model, committed.Pointer + place.Offset))];

    /// <summary>Gives the network the committed values.</summary>
    /// <param name="updates">How many were made so far: the batches that have been tracked.</param>
    public void Restore(long updates)
    {
        foreach (var place in places)
        {
            Committed(place).CopyTo(Values(place.Tensor));
        }
        if (counts.Count == 0)
        {
            return;
        }
        using var noGradient = no_grad();
        foreach (var count in counts)
        {
            count.fill_(updates);
        }
    }

    /// <summary>The values that the network has now.</summary>
    public float[] Copy()
    {
        var values = new float[Length];
        foreach (var place in places)
        {
            Values(place.Tensor).CopyTo(values.AsSpan(place.Offset));
        }
        return values;
    }

    /// <summary>Repeats a change from <paramref name="before"/> to <paramref name="after"/> in the network: values that it left alone stay.</summary>
    public void Move(ReadOnlySpan<float> before, ReadOnlySpan<float> after)
    {
        foreach (var place in places)
        {
            var values = Values(place.Tensor);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = after[place.Offset + i] == before[place.Offset + i] ? values[i] : after[place.Offset + i];
            }
        }
    }

    /// <summary>How far a shard has moved the values, times its weight.</summary>
    public void Collect(Span<float> into, double weight)
    {
        foreach (var place in places)
        {
            Span<float> before = Committed(place), after = Values(place.Tensor), moved = into.Slice(place.Offset, before.Length);
            for (var i = 0; i < moved.Length; i++)
            {
                // A mask holds infinities, whose difference is not a number; and a shard of one sample has no variance.
                var change = weight * (after[i] - before[i]);
                moved[i] = double.IsFinite(change) ? (float)change : 0;
            }
        }
    }

    /// <param name="sum">Over all shards.</param>
    public void Commit(ReadOnlySpan<float> sum, double weight)
    {
        var values = committed.Span;
        for (var i = 0; i < Length; i++)
        {
            values[i] = sum[i] == 0 ? values[i] : (float)(values[i] + sum[i] / weight);
        }
    }

    public void Dispose() => committed.Dispose();

    private Span<float> Committed((string Name, Tensor Tensor, int Offset) place) => committed.Span.Slice(place.Offset, (int)place.Tensor.numel());

    private static Span<float> Values(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
