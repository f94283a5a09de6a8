using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>Recurrent layers of one layer and one direction, time first.</summary>
internal static class Recurrence
{
    public static Tensor Of(GRU cell, Tensor input_TBI, Tensor? state_1BH = null) => HandGradient.Takes(input_TBI) ? GruLayer.Of(cell, input_TBI, state_1BH) : cell.call(input_TBI, state_1BH!).Item1;
}
