// T time, B batch, N = T B, I inputs, H hidden, G = 3 H: reset, update, new
using Granary.Torch.Operations.Products;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <inheritdoc/>
internal sealed unsafe class GruLayer : RecurrentLayer
{
    // What the state says at a time, to all gates; and what it says to the new value at all times.
    private readonly Tensor toGates_BG, toNew_NH;
    private readonly Matrix said_BG, said_NH;

    private GruLayer(GRU cell, Tensor input_TBI, Tensor? begin_1BH) : base(cell, input_TBI, begin_1BH)
    {
        (toGates_BG, toNew_NH) = (zeros(Batch, 3 * Hidden), empty(Time * Batch, Hidden));
        (said_BG, said_NH) = (Matrix.Of(toGates_BG), Matrix.Of(toNew_NH));
    }

    public static Tensor Of(GRU cell, Tensor input_TBI, Tensor? begin_1BH) => new GruLayer(cell, input_TBI, begin_1BH).Apply();

    protected override void Multiply(Matrix state_BH, PackedMatrix weight_HG, Matrix gates_BG) => MatrixProduct.Multiply(state_BH, weight_HG, said_BG);

    protected override void Step(int t, float* gates_BG, float* inputBias_G, float* stateBias_G, float* before_BH, float* after_BH) =>
        GruRows.Forward(gates_BG, said_BG.At, inputBias_G, stateBias_G, before_BH, said_NH.At + Place(t), after_BH, Batch, Hidden);

    protected override void StepBack(int t, float* gradient_BH, float* carried_BH, float* gates_BG, float* before_BH, float* inputBias_G, float* stateBias_G) =>
        GruRows.Backward(gradient_BH, carried_BH, gates_BG, said_BG.At, before_BH, said_NH.At + Place(t), inputBias_G, stateBias_G, Batch, Hidden);

    // What goes past the gates to the state before is there already.
    protected override void MultiplyBack(Matrix gates_BG, PackedMatrix weight_GH, Matrix carried_BH) => MatrixProduct.Multiply(said_BG, weight_GH, carried_BH, carried_BH);

    protected override void AddGradient(Matrix weight_GH, Matrix before_NH)
    {
        var (gates_GH, new_HH) = (weight_GH.Part(0, 2 * Hidden, 0, Hidden), weight_GH.Part(2 * Hidden, Hidden, 0, Hidden));
        MatrixProduct.Multiply(Gates_NG.Part(0, Gates_NG.Rows, 0, 2 * Hidden).Transposed, before_NH, gates_GH, gates_GH);
        MatrixProduct.Multiply(said_NH.Transposed, before_NH, new_HH, new_HH);
    }
}
