// T time, B batch, N = T B, I inputs, H hidden, G = 3 H: reset, update, new
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <inheritdoc/>
internal sealed unsafe class GruLayer : RecurrentLayer
{
    // What the state says at a time, to all gates; and what it says to the new value at all times.
    private readonly Tensor said_BG, said_NH;

    private GruLayer(GRU cell, Tensor input_TBI, Tensor? begin_1BH) : base(cell, input_TBI, begin_1BH) =>
        (said_BG, said_NH) = (zeros(Batch, 3 * Hidden), empty(Time * Batch, Hidden));

    public static Tensor Of(GRU cell, Tensor input_TBI, Tensor? begin_1BH) => new GruLayer(cell, input_TBI, begin_1BH).Apply();

    protected override void Multiply(Tensor state_BH, Tensor weight_HG, Tensor gates_BG) => RowProduct.Multiply(state_BH, weight_HG, said_BG, add: false);

    protected override void Step(int t, float* gates_BG, float* inputBias_G, float* stateBias_G, float* before_BH, float* after_BH) =>
        GruRows.Forward(gates_BG, said_BG.Floats(), inputBias_G, stateBias_G, before_BH, said_NH.Floats() + Place(t), after_BH, Batch, Hidden);

    protected override void StepBack(int t, float* gradient_BH, float* carried_BH, float* gates_BG, float* before_BH, float* inputBias_G, float* stateBias_G) =>
        GruRows.Backward(gradient_BH, carried_BH, gates_BG, said_BG.Floats(), before_BH, said_NH.Floats() + Place(t), inputBias_G, stateBias_G, Batch, Hidden);

    // What goes past the gates to the state before is there already.
    protected override void MultiplyBack(Tensor gates_BG, Tensor weight_GH, Tensor carried_BH) => RowProduct.Multiply(said_BG, weight_GH, carried_BH, add: true);

    protected override void AddGradient(Tensor weight_GH, Tensor before_NH)
    {
        weight_GH.narrow(0, 0, 2 * Hidden).addmm_(Gates_NG.narrow(1, 0, 2 * Hidden).t(), before_NH, beta: 1, alpha: 1);
        weight_GH.narrow(0, 2 * Hidden, Hidden).addmm_(said_NH.t(), before_NH, beta: 1, alpha: 1);
    }
}
