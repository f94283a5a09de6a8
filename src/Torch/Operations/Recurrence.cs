// T time, B batch, I inputs, H hidden
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>The states at all times of TorchSharp's recurrent modules of one layer and one direction, time first; faster where that is possible.</summary>
internal static class Recurrence
{
    // Measured: from about 200 units on, oneDNN's LSTM, which is one operation, is faster.
    private const int WidestLstm = 160;

    /// <param name="begin_1BH">The state before; <see langword="null"/>: zeros.</param>
    public static Tensor Of(GRU cell, Tensor input_TBI, Tensor? begin_1BH = null) =>
        HandGradient.Takes(input_TBI) ? GruLayer.Of(cell, input_TBI, begin_1BH) : cell.call(input_TBI, begin_1BH!).Item1;

    /// <summary>From zeros.</summary>
    public static Tensor Of(LSTM cell, Tensor input_TBI) =>
        HandGradient.Takes(input_TBI) && cell.parameters().First().size(0) <= 4 * WidestLstm ? LstmLayer.Of(cell, input_TBI) : cell.call(input_TBI).Item1;
}
