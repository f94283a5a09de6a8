// T time, B batch, N = T B, F features
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Granary.Torch.Data.Texts;

/// <summary>Sequences side by side, padded to one length, each read from its own last place to its first. Done twice, all is as it was.</summary>
internal static class Reversal
{
    /// <summary>Where in the flattened batch each place's values come from; what is behind a sequence's end stays there.</summary>
    /// <param name="lengths">Of the sequences.</param>
    /// <param name="length">The one to which they are padded.</param>
    public static Tensor Places(IReadOnlyList<int> lengths, int length)
    {
        var places_N = empty(length * lengths.Count, dtype: int64);
        var places = MemoryMarshal.Cast<byte, long>(places_N.bytes);
        for (var b = 0; b < lengths.Count; b++)
        {
            for (var t = 0; t < length; t++)
            {
                places[t * lengths.Count + b] = (t < lengths[b] ? lengths[b] - 1 - t : t) * lengths.Count + b;
            }
        }
        return places_N;
    }

    public static Tensor Of(Tensor values_TBF, Tensor places_N) => values_TBF.flatten(0, 1).index_select(0, places_N).view(values_TBF.shape);
}
