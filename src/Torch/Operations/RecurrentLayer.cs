// T time, B batch, N = T B, I inputs, H hidden, G gates: a multiple of H
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
    private readonly Tensor input_TBI, states_TBH;
    private readonly Tensor? begin_1BH;
    private readonly int gates;

    /// <param name="cell">TorchSharp's module, which holds the parameters in PyTorch's order.</param>
    /// <param name="begin_1BH">The state before; <see langword="null"/>: zeros.</param>
    protected RecurrentLayer(nn.Module cell, Tensor input_TBI, Tensor? begin_1BH)
    {
        parameters = [.. cell.parameters()];
        (inputWeight_GI, stateWeight_GH, inputBias_G, stateBias_G) = (parameters[0], parameters[1], parameters[2], parameters[3]);
        (this.input_TBI, this.begin_1BH) = (input_TBI.contiguous(), begin_1BH);
        (Time, Batch, gates, Hidden) = ((int)input_TBI.size(0), (int)input_TBI.size(1), (int)stateWeight_GH.size(0), (int)stateWeight_GH.size(1));
        (Gates_NG, states_TBH) = (empty(Time * Batch, gates), Room());
        if (begin_1BH is not null)
        {
            using var outside = no_grad();
            using var first_1BH = states_TBH.narrow(0, 0, 1);
            first_1BH.copy_(begin_1BH);
        }
    }

    protected int Time { get; }

    protected int Batch { get; }

    protected int Hidden { get; }

    /// <summary>The gates of all times; then their gradients.</summary>
    protected Tensor Gates_NG { get; }

    /// <summary>The states at all times.</summary>
    protected Tensor Apply() => Apply(begin_1BH is null ? [input_TBI] : [input_TBI, begin_1BH], parameters);

    protected override Tensor Forward()
    {
        using var scope = NewDisposeScope();
        Gates_NG.addmm_(input_TBI.flatten(0, 1), inputWeight_GI.t(), beta: 0, alpha: 1);
        // To turn it around takes about as long as is saved in two products.
        var stateWeight_HG = Time > 2 && RowProduct.Takes(stateWeight_GH) ? stateWeight_GH.t().contiguous() : stateWeight_GH.t();
        var (states_BH, gates_BG) = (states_TBH.unbind(0), Gates_NG.view(Time, Batch, gates).unbind(0));
        float* states = states_TBH.Floats(), inputBias = inputBias_G.Floats(), stateBias = stateBias_G.Floats();
        for (var t = 0; t < Time; t++)
        {
            if (t > 0 || begin_1BH is not null)
            {
                Multiply(states_BH[t], stateWeight_HG, gates_BG[t]);
            }
            Step(t, gates_BG[t].Floats(), inputBias, stateBias, states + Place(t), states + Place(t + 1));
        }
        return states_TBH.narrow(0, 1, Time).detach().MoveToOuterDisposeScope();
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient_TBH)
    {
        using var scope = NewDisposeScope();
        var (carried_BH, gates_BG) = (zeros(Batch, Hidden), Gates_NG.view(Time, Batch, gates).unbind(0));
        float* states = states_TBH.Floats(), gradient = gradient_TBH.Floats(), carried = carried_BH.Floats(), inputBias = GradientFloats(inputBias_G), stateBias = GradientFloats(stateBias_G);
        var wantsBegin = begin_1BH is { requires_grad: true };
        for (var t = Time - 1; t >= 0; t--)
        {
            StepBack(t, gradient + Place(t), carried, gates_BG[t].Floats(), states + Place(t), inputBias, stateBias);
            if (t > 0 || wantsBegin)
            {
                MultiplyBack(gates_BG[t], stateWeight_GH, carried_BH);
            }
        }
        if (inputWeight_GI.requires_grad)
        {
            GradientTensor(inputWeight_GI).addmm_(Gates_NG.t(), input_TBI.flatten(0, 1), beta: 1, alpha: 1);
        }
        if (stateWeight_GH.requires_grad)
        {
            AddGradient(GradientTensor(stateWeight_GH), states_TBH.narrow(0, 0, Time).flatten(0, 1));
        }
        var input = input_TBI.requires_grad ? Gates_NG.mm(inputWeight_GI).view(input_TBI.shape).MoveToOuterDisposeScope() : null;
        return begin_1BH is null ? [input] : [input, wantsBegin ? carried_BH.unsqueeze(0).MoveToOuterDisposeScope() : null];
    }

    /// <summary>What the state before a time says.</summary>
    /// <param name="gates_BG">What the input says.</param>
    protected abstract void Multiply(Tensor state_BH, Tensor weight_HG, Tensor gates_BG);

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
    protected abstract void MultiplyBack(Tensor gates_BG, Tensor weight_GH, Tensor carried_BH);

    /// <summary>Adds to the gradient of the state's weight.</summary>
    /// <param name="before_NH">The states before all times.</param>
    protected abstract void AddGradient(Tensor weight_GH, Tensor before_NH);

    /// <summary>Where a time is, of values that have H for each sequence.</summary>
    protected int Place(int t) => t * Batch * Hidden;

    /// <summary>Room for values of all times, behind zeros for those before them.</summary>
    protected Tensor Room()
    {
        var values_TBH = empty(Time + 1, Batch, Hidden);
        using var first_1BH = values_TBH.narrow(0, 0, 1);
        first_1BH.zero_();
        return values_TBH;
    }
}
