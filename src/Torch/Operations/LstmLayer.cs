// T time, B batch, N = T B, I inputs, H hidden, G = 4 H: input, forget, new, output
using Granary.Torch.Operations.Products;
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <inheritdoc/>
internal sealed unsafe class LstmLayer : RecurrentLayer
{
    private readonly Tensor memories_TBH, memoryGradient_BH;

    private LstmLayer(LSTM cell, Tensor input_TBI) : base(cell, input_TBI, begin_1BH: null) => (memories_TBH, memoryGradient_BH) = (Room(), zeros(Batch, Hidden));

    public static Tensor Of(LSTM cell, Tensor input_TBI) => new LstmLayer(cell, input_TBI).Apply();

    protected override void Multiply(Matrix state_BH, PackedMatrix weight_HG, Matrix gates_BG) => MatrixProduct.Multiply(state_BH, weight_HG, gates_BG, gates_BG);

    protected override void Step(int t, float* gates_BG, float* inputBias_G, float* stateBias_G, float* before_BH, float* after_BH) =>
        LstmRows.Forward(gates_BG, inputBias_G, stateBias_G, memories_TBH.Floats() + Place(t), memories_TBH.Floats() + Place(t + 1), after_BH, Batch, Hidden);

    protected override void StepBack(int t, float* gradient_BH, float* carried_BH, float* gates_BG, float* before_BH, float* inputBias_G, float* stateBias_G) =>
        LstmRows.Backward(
            gradient_BH, carried_BH, memoryGradient_BH.Floats(), gates_BG, memories_TBH.Floats() + Place(t), memories_TBH.Floats() + Place(t + 1), inputBias_G, stateBias_G, Batch, Hidden);

    protected override void MultiplyBack(Matrix gates_BG, PackedMatrix weight_GH, Matrix carried_BH) => MatrixProduct.Multiply(gates_BG, weight_GH, carried_BH);

    protected override void AddGradient(Matrix weight_GH, Matrix before_NH) => MatrixProduct.Multiply(Gates_NG.Transposed, before_NH, weight_GH, weight_GH);
}
