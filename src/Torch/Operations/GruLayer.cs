// T time, B batch, N = T B, I inputs, H hidden, G = 3 H: reset, update, new
using Granary.Torch.Runtime;
using Granary.Training.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>A GRU of one layer and one direction: one product for the input of all times, then one for each time, and one pass over what remains.</summary>
internal sealed unsafe class GruLayer : HandGradient
{
    private readonly Tensor input_TBI;
    private readonly Tensor? state_1BH;
    private readonly Parameter inputWeight_GI, hiddenWeight_GH, inputBias_G, hiddenBias_G;
    private readonly int time, batch, hidden;
    private Tensor? states_TBH, gates_NG, told_NH;

    private GruLayer(Parameter[] parameters, Tensor input_TBI, Tensor? state_1BH)
    {
        (inputWeight_GI, hiddenWeight_GH, inputBias_G, hiddenBias_G) = (parameters[0], parameters[1], parameters[2], parameters[3]);
        (this.input_TBI, this.state_1BH) = (input_TBI.contiguous(), state_1BH);
        (time, batch, hidden) = ((int)input_TBI.size(0), (int)input_TBI.size(1), (int)hiddenWeight_GH.size(1));
    }

    /// <returns>The states of all times.</returns>
    public static Tensor Of(GRU cell, Tensor input_TBI, Tensor? state_1BH)
    {
        Parameter[] parameters = [.. cell.parameters()];
        return new GruLayer(parameters, input_TBI, state_1BH).Apply(state_1BH is null ? [input_TBI] : [input_TBI, state_1BH], parameters);
    }

    private int Step => batch * hidden;

    protected override Tensor Forward()
    {
        // One time more than the input has: the first is the state before it.
        (states_TBH, told_NH) = (empty(time + 1, batch, hidden), empty(time * batch, hidden));
        using var scope = NewDisposeScope();
        gates_NG = input_TBI.flatten(0, 1).mm(inputWeight_GI.t()).MoveToOuterDisposeScope();
        var (hidden_BG, weight_HG, states_BH) = (zeros(batch, 3 * hidden), hiddenWeight_GH.t(), states_TBH.unbind(0));
        Begin(states_BH[0]);
        var biases = stackalloc float[4 * hidden];
        float* inputBias = inputBias_G.Floats(), hiddenBias = hiddenBias_G.Floats();
        VectorMath.Add(inputBias, hiddenBias, biases, 2 * hidden);
        new ReadOnlySpan<float>(inputBias + 2 * hidden, hidden).CopyTo(new(biases + 2 * hidden, hidden));
        new ReadOnlySpan<float>(hiddenBias + 2 * hidden, hidden).CopyTo(new(biases + 3 * hidden, hidden));
        float* states = states_TBH.Floats(), gates = gates_NG.Floats(), told = told_NH.Floats(), scratch = hidden_BG.Floats();
        for (var t = 0; t < time; t++)
        {
            if (t > 0 || state_1BH is not null)
            {
                hidden_BG.addmm_(states_BH[t], weight_HG, beta: 0, alpha: 1);
            }
            GruRows.Forward(gates + 3 * t * Step, scratch, biases, states + t * Step, told + t * Step, states + (t + 1) * Step, batch, hidden);
        }
        return states_TBH.narrow(0, 1, time).detach().MoveToOuterDisposeScope();
    }

    private void Begin(Tensor first_BH)
    {
        if (state_1BH is null)
        {
            first_BH.zero_();
        }
        else
        {
            first_BH.copy_(state_1BH[0]);
        }
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient_TBH)
    {
        using var scope = NewDisposeScope();
        var (carried_BH, hidden_BG) = (zeros(batch, hidden), empty(batch, 3 * hidden));
        var biases = stackalloc float[4 * hidden];
        new Span<float>(biases, 4 * hidden).Clear();
        float* gates = gates_NG!.Floats(), states = states_TBH!.Floats(), told = told_NH!.Floats(), scratch = hidden_BG.Floats(), gradient = gradient_TBH.Floats(), carried = carried_BH.Floats();
        var wantsState = state_1BH is { requires_grad: true };
        for (var t = time - 1; t >= 0; t--)
        {
            GruRows.Backward(gradient + t * Step, carried, gates + 3 * t * Step, scratch, states + t * Step, told + t * Step, biases, batch, hidden);
            if (t > 0 || wantsState)
            {
                carried_BH.addmm_(hidden_BG, hiddenWeight_GH, beta: 1, alpha: 1);
            }
        }
        if (inputWeight_GI.requires_grad) Of(inputWeight_GI).addmm_(gates_NG!.t(), input_TBI.flatten(0, 1), beta: 1, alpha: 1);
        if (hiddenWeight_GH.requires_grad)
        {
            var before_NH = states_TBH!.narrow(0, 0, time).flatten(0, 1);
            Of(hiddenWeight_GH).narrow(0, 0, 2 * hidden).addmm_(gates_NG!.narrow(1, 0, 2 * hidden).t(), before_NH, beta: 1, alpha: 1);
            Of(hiddenWeight_GH).narrow(0, 2 * hidden, hidden).addmm_(told_NH!.t(), before_NH, beta: 1, alpha: 1);
        }
        if (GradientOf(inputBias_G) is var ib && ib != null) VectorMath.Add(ib, biases, ib, 3 * hidden);
        if (GradientOf(hiddenBias_G) is var hb && hb != null) 
        {
            VectorMath.Add(hb, biases, hb, 2 * hidden);
            VectorMath.Add(hb + 2 * hidden, biases + 3 * hidden, hb + 2 * hidden, hidden);
        }
        var input = input_TBI.requires_grad ? gates_NG!.mm(inputWeight_GI).view(input_TBI.shape).MoveToOuterDisposeScope() : null;
        return state_1BH is null ? [input] : [input, wantsState ? carried_BH.unsqueeze(0).MoveToOuterDisposeScope() : null];
    }
}
