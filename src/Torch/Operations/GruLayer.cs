// T time, B batch, N = T B, I inputs, H hidden, G = 3 H: reset, update, new
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// A GRU of one layer and one direction: one product for the input of all times, then for each time one for the state before it, and one pass
/// over what remains. Its gradient can be computed only once: it takes the place of what it is computed from.
/// </summary>
internal sealed unsafe class GruLayer : HandGradient
{
    private readonly Parameter[] parameters;
    private readonly Parameter inputWeight_GI, stateWeight_GH, inputBias_G, stateBias_G;
    private readonly Tensor input_TBI;
    private readonly Tensor? begin_1BH;
    private readonly int time, batch, hidden;

    // Of all times: the states, and the one before them; the gates' values; what the state says to the new value.
    private Tensor? states_TBH, gates_NG, said_NH;

    private GruLayer(GRU cell, Tensor input_TBI, Tensor? begin_1BH)
    {
        parameters = [.. cell.parameters()];
        (inputWeight_GI, stateWeight_GH, inputBias_G, stateBias_G) = (parameters[0], parameters[1], parameters[2], parameters[3]);
        (this.input_TBI, this.begin_1BH) = (input_TBI.contiguous(), begin_1BH);
        (time, batch, hidden) = ((int)input_TBI.size(0), (int)input_TBI.size(1), (int)stateWeight_GH.size(1));
    }

    private int Step => batch * hidden;

    private bool WantsBegin => begin_1BH is { requires_grad: true };

    /// <summary>The states at all times.</summary>
    /// <param name="cell">TorchSharp's module, which holds the parameters.</param>
    /// <param name="begin_1BH">The state before; <see langword="null"/>: zeros.</param>
    public static Tensor Of(GRU cell, Tensor input_TBI, Tensor? begin_1BH)
    {
        var layer = new GruLayer(cell, input_TBI, begin_1BH);
        return layer.Apply(begin_1BH is null ? [layer.input_TBI] : [layer.input_TBI, begin_1BH], layer.parameters);
    }

    protected override Tensor Forward()
    {
        (states_TBH, said_NH) = (empty(time + 1, batch, hidden), empty(time * batch, hidden));
        using var scope = NewDisposeScope();
        gates_NG = input_TBI.flatten(0, 1).mm(inputWeight_GI.t()).MoveToOuterDisposeScope();
        var (states_BH, said_BG) = (states_TBH.unbind(0), zeros(batch, 3 * hidden));
        _ = begin_1BH is null ? states_BH[0].zero_() : states_BH[0].copy_(begin_1BH[0]);
        // To turn it around takes about as long as is saved in two products.
        var stateWeight_HG = time > 2 ? stateWeight_GH.t().contiguous() : stateWeight_GH.t();
        float* states = states_TBH.Floats(), gates = gates_NG.Floats(), said = said_NH.Floats(), saidNow = said_BG.Floats(), inputBias = inputBias_G.Floats(), stateBias = stateBias_G.Floats();
        for (var t = 0; t < time; t++)
        {
            if (t > 0 || begin_1BH is not null)
            {
                RowProduct.Multiply(states_BH[t], stateWeight_HG, said_BG, add: false);
            }
            GruRows.Forward(gates + 3 * t * Step, saidNow, inputBias, stateBias, states + t * Step, said + t * Step, states + (t + 1) * Step, batch, hidden);
        }
        return states_TBH.narrow(0, 1, time).detach().MoveToOuterDisposeScope();
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient_TBH)
    {
        using var scope = NewDisposeScope();
        var (carried_BH, said_BG) = (zeros(batch, hidden), empty(batch, 3 * hidden));
        float* states = states_TBH!.Floats(), gates = gates_NG!.Floats(), said = said_NH!.Floats(), saidNow = said_BG.Floats(), inputBias = GradientOf(inputBias_G), stateBias = GradientOf(stateBias_G);
        float* gradient = gradient_TBH.Floats(), carried = carried_BH.Floats();
        for (var t = time - 1; t >= 0; t--)
        {
            GruRows.Backward(gradient + t * Step, carried, gates + 3 * t * Step, saidNow, states + t * Step, said + t * Step, inputBias, stateBias, batch, hidden);
            if (t > 0 || WantsBegin)
            {
                RowProduct.Multiply(said_BG, stateWeight_GH, carried_BH, add: true);
            }
        }
        AddToWeights();
        var input = input_TBI.requires_grad ? gates_NG!.mm(inputWeight_GI).view(input_TBI.shape).MoveToOuterDisposeScope() : null;
        return begin_1BH is null ? [input] : [input, WantsBegin ? carried_BH.unsqueeze(0).MoveToOuterDisposeScope() : null];
    }

    private void AddToWeights()
    {
        if (inputWeight_GI.requires_grad)
        {
            Of(inputWeight_GI).addmm_(gates_NG!.t(), input_TBI.flatten(0, 1), beta: 1, alpha: 1);
        }
        if (stateWeight_GH.requires_grad)
        {
            var (gradient_GH, before_NH) = (Of(stateWeight_GH), states_TBH!.narrow(0, 0, time).flatten(0, 1));
            gradient_GH.narrow(0, 0, 2 * hidden).addmm_(gates_NG!.narrow(1, 0, 2 * hidden).t(), before_NH, beta: 1, alpha: 1);
            gradient_GH.narrow(0, 2 * hidden, hidden).addmm_(said_NH!.t(), before_NH, beta: 1, alpha: 1);
        }
    }
}
