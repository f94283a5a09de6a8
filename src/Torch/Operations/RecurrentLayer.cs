// T time, B batch, N = T B, I inputs, H hidden, G gates: a multiple of H
using Granary.Torch.Operations.Products;
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// A recurrent layer of one direction: one product for the input of all times, then for each time one for the state before it, and one pass
/// over what remains. Its gradient can be computed only once: it takes the place of what it is computed from.
/// </summary>
internal abstract unsafe class RecurrentLayer : HandGradient
{
    private readonly Parameter[] parameters;
    private readonly Parameter inputWeight_GI, stateWeight_GH, inputBias_G, stateBias_G;
    private readonly Tensor input_TBI, gates_NG, states_TBH;
    private readonly Tensor? begin_1BH;

    /// <param name="cell">TorchSharp's module, which holds the parameters in PyTorch's order.</param>
    /// <param name="begin_1BH">The state before; <see langword="null"/>: zeros.</param>
    protected RecurrentLayer(nn.Module cell, Tensor input_TBI, Tensor? begin_1BH)
    {
        parameters = [.. cell.parameters()];
        (inputWeight_GI, stateWeight_GH, inputBias_G, stateBias_G) = (parameters[0], parameters[1], parameters[2], parameters[3]);
        (this.input_TBI, this.begin_1BH) = (input_TBI.contiguous(), begin_1BH);
        (Time, Batch, Hidden) = ((int)input_TBI.size(0), (int)input_TBI.size(1), (int)stateWeight_GH.size(1));
        (gates_NG, states_TBH) = (empty(Time * Batch, stateWeight_GH.size(0)), Room(begin_1BH));
        Gates_NG = Matrix.Of(gates_NG);
    }

    protected int Time { get; }

    protected int Batch { get; }

    protected int Hidden { get; }

    /// <summary>The gates of all times; then their gradients.</summary>
    protected Matrix Gates_NG { get; }

    /// <summary>The states at all times.</summary>
    protected Tensor Apply() => Apply(begin_1BH is null ? [input_TBI] : [input_TBI, begin_1BH], parameters);

    protected override Tensor Forward()
    {
        using var scope = NewDisposeScope();
        MatrixProduct.Multiply(Matrix.Of(input_TBI), Matrix.Of(inputWeight_GI).Transposed, Gates_NG);
        var stateWeight_HG = new PackedMatrix(Matrix.Of(stateWeight_GH).Transposed);
        var states = Matrix.Of(states_TBH);
        float* inputBias = inputBias_G.Floats(), stateBias = stateBias_G.Floats();
        for (var t = 0; t < Time; t++)
        {
            var (before_BH, gates_BG) = (At(states, t), At(Gates_NG, t));
            if (t > 0 || begin_1BH is not null)
            {
                Multiply(before_BH, stateWeight_HG, gates_BG);
            }
            Step(t, gates_BG.At, inputBias, stateBias, before_BH.At, At(states, t + 1).At);
        }
        return states_TBH.narrow(0, 1, Time).detach().MoveToOuterDisposeScope();
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient_TBH)
    {
        using var scope = NewDisposeScope();
        var carried_BH = zeros(Batch, Hidden);
        var stateWeight = new PackedMatrix(Matrix.Of(stateWeight_GH));
        var (states, gradient, carried) = (Matrix.Of(states_TBH), Matrix.Of(gradient_TBH), Matrix.Of(carried_BH));
        float* inputBias = GradientFloats(inputBias_G), stateBias = GradientFloats(stateBias_G);
        var wantsBegin = begin_1BH is { requires_grad: true };
        for (var t = Time - 1; t >= 0; t--)
        {
            var gates_BG = At(Gates_NG, t);
            StepBack(t, At(gradient, t).At, carried.At, gates_BG.At, At(states, t).At, inputBias, stateBias);
            if (t > 0 || wantsBegin)
            {
                MultiplyBack(gates_BG, stateWeight, carried);
            }
        }
        if (inputWeight_GI.requires_grad)
        {
            var weight = Matrix.Of(GradientTensor(inputWeight_GI));
            MatrixProduct.Multiply(Gates_NG.Transposed, Matrix.Of(input_TBI), weight, weight);
        }
        if (stateWeight_GH.requires_grad)
        {
            AddGradient(Matrix.Of(GradientTensor(stateWeight_GH)), states.Part(0, Time * Batch, 0, Hidden));
        }
        Tensor? input = null;
        if (input_TBI.requires_grad)
        {
            input = empty_like(input_TBI).MoveToOuterDisposeScope();
            MatrixProduct.Multiply(Gates_NG, Matrix.Of(inputWeight_GI), Matrix.Of(input));
        }
        return begin_1BH is null ? [input] : [input, wantsBegin ? carried_BH.unsqueeze(0).MoveToOuterDisposeScope() : null];
    }

    /// <summary>What the state before a time says.</summary>
    /// <param name="gates_BG">What the input says.</param>
    protected abstract void Multiply(Matrix state_BH, PackedMatrix weight_HG, Matrix gates_BG);

    /// <summary>What remains to be done at a time.</summary>
    /// <param name="gates_BG">Become their values.</param>
    protected abstract void Step(int t, float* gates_BG, float* inputBias_G, float* stateBias_G, float* before_BH, float* after_BH);

    /// <param name="gradient_BH">Of what came out at a time.</param>
    /// <param name="carried_BH">The gradient that later times have for it.</param>
    /// <param name="gates_BG">Become their gradients.</param>
    /// <param name="inputBias_G">The gradient, which is added to; null: not wanted.</param>
    /// <param name="stateBias_G">The gradient, which is added to; null: not wanted.</param>
    protected abstract void StepBack(int t, float* gradient_BH, float* carried_BH, float* gates_BG, float* before_BH, float* inputBias_G, float* stateBias_G);

    /// <summary>The gradient of the state before a time.</summary>
    protected abstract void MultiplyBack(Matrix gates_BG, PackedMatrix weight_GH, Matrix carried_BH);

    /// <summary>Adds to the gradient of the state's weight.</summary>
    /// <param name="before_NH">The states before all times.</param>
    protected abstract void AddGradient(Matrix weight_GH, Matrix before_NH);

    /// <summary>Where a time is, of values that have H for each sequence.</summary>
    protected int Place(int t) => t * Batch * Hidden;

    /// <summary>Room for values of all times, behind those before them.</summary>
    /// <param name="before_1BH"><see langword="null"/>: zeros.</param>
    protected Tensor Room(Tensor? before_1BH = null)
    {
        using var outside = no_grad();
        var values_TBH = empty(Time + 1, Batch, Hidden);
        using var first_1BH = values_TBH.narrow(0, 0, 1);
        _ = before_1BH is null ? first_1BH.zero_() : first_1BH.copy_(before_1BH);
        return values_TBH;
    }

    /// <summary>The rows of a time.</summary>
    private Matrix At(Matrix all, int t) => all.Part(t * Batch, Batch, 0, all.Columns);
}
