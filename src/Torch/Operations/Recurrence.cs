// T time, B batch, I inputs, H hidden
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>TorchSharp's recurrent modules, faster where that is possible. An LSTM is as fast already: it is oneDNN's.</summary>
internal static class Recurrence
{
    /// <summary>The states at all times of a GRU of one layer and one direction, time first.</summary>
    /// <param name="begin_1BH">The state before; <see langword="null"/>: zeros.</param>
    public static Tensor Of(GRU cell, Tensor input_TBI, Tensor? begin_1BH = null) =>
        HandGradient.Takes(input_TBI) ? GruLayer.Of(cell, input_TBI, begin_1BH) : cell.call(input_TBI, begin_1BH!).Item1;
}
