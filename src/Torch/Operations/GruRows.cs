// B batch, H hidden, G = 3 H: reset, update, new
using System.Runtime.Intrinsics;

namespace Granary.Torch.Operations;

/// <summary>What a GRU does at one time besides its products, in one pass.</summary>
internal static unsafe class GruRows
{
    /// <param name="gates_BG">What the input says, without biases; becomes the gates' values.</param>
    /// <param name="hidden_BG">What the state says, without biases.</param>
    /// <param name="biases">4 H: for reset and update those of input and state in one, for the new value that of the input and that of the state.</param>
    /// <param name="told_BH">Becomes what the state says to the new value, with its bias.</param>
    public static void Forward(float* gates_BG, float* hidden_BG, float* biases, float* before_BH, float* told_BH, float* after_BH, int batch, int hidden)
    {
        for (var b = 0; b < batch; b++)
        {
            for (var h = 0; h < hidden; h += Lanes.Count)
            {
                var (count, updates, news) = (hidden - h, h + hidden, h + 2 * hidden);
                var reset = Squash.Sigmoid(Lanes.Load(gates_BG + h, count) + Lanes.Load(hidden_BG + h, count) + Lanes.Load(biases + h, count));
                var update = Squash.Sigmoid(Lanes.Load(gates_BG + updates, count) + Lanes.Load(hidden_BG + updates, count) + Lanes.Load(biases + updates, count));
                var told = Lanes.Load(hidden_BG + news, count) + Lanes.Load(biases + news + hidden, count);
                var value = Squash.Tanh(Vector512.FusedMultiplyAdd(reset, told, Lanes.Load(gates_BG + news, count) + Lanes.Load(biases + news, count)));
                Lanes.Store(reset, gates_BG + h, count);
                Lanes.Store(update, gates_BG + updates, count);
                Lanes.Store(value, gates_BG + news, count);
                Lanes.Store(told, told_BH + h, count);
                Lanes.Store(Vector512.FusedMultiplyAdd(update, Lanes.Load(before_BH + h, count) - value, value), after_BH + h, count);
            }
            gates_BG += 3 * hidden;
            hidden_BG += 3 * hidden;
            before_BH += hidden;
            told_BH += hidden;
            after_BH += hidden;
        }
    }

    /// <param name="gradient_BH">Of what came out at this time.</param>
    /// <param name="carried_BH">The gradient that later times have for it; becomes what goes past the gates to the state before.</param>
    /// <param name="gates_BG">The gates' values; become the gradient of what the input said.</param>
    /// <param name="hidden_BG">Becomes the gradient of what the state said.</param>
    /// <param name="told_BH">As <see cref="Forward"/> has left it; becomes the last third of <paramref name="hidden_BG"/>, whose others are those of the input.</param>
    /// <param name="biases">Gradients are added.</param>
    public static void Backward(float* gradient_BH, float* carried_BH, float* gates_BG, float* hidden_BG, float* before_BH, float* told_BH, float* biases, int batch, int hidden)
    {
        var one = Vector512<float>.One;
        for (var h = 0; h < hidden; h += Lanes.Count)
        {
            var count = hidden - h;
            var (sumReset, sumUpdate, sumNew, sumTold) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
            var (row, wide) = (h, h);
            for (var b = 0; b < batch; b++, row += hidden, wide += 3 * hidden)
            {
                var (reset, update, value) = (Lanes.Load(gates_BG + wide, count), Lanes.Load(gates_BG + wide + hidden, count), Lanes.Load(gates_BG + wide + 2 * hidden, count));
                var gradient = Lanes.Load(gradient_BH + row, count) + Lanes.Load(carried_BH + row, count);
                var past = gradient * update;
                var toUpdate = past * (one - update) * (Lanes.Load(before_BH + row, count) - value);
                var toNew = (gradient - past) * Vector512.FusedMultiplyAdd(-value, value, one);
                var toTold = toNew * reset;
                var toReset = toTold * (one - reset) * Lanes.Load(told_BH + row, count);
                Lanes.Store(past, carried_BH + row, count);
                Lanes.Store(toReset, gates_BG + wide, count);
                Lanes.Store(toUpdate, gates_BG + wide + hidden, count);
                Lanes.Store(toNew, gates_BG + wide + 2 * hidden, count);
                Lanes.Store(toReset, hidden_BG + wide, count);
                Lanes.Store(toUpdate, hidden_BG + wide + hidden, count);
                Lanes.Store(toTold, hidden_BG + wide + 2 * hidden, count);
                Lanes.Store(toTold, told_BH + row, count);
                sumReset += toReset;
                sumUpdate += toUpdate;
                sumNew += toNew;
                sumTold += toTold;
            }
            Lanes.Store(Lanes.Load(biases + h, count) + sumReset, biases + h, count);
            Lanes.Store(Lanes.Load(biases + h + hidden, count) + sumUpdate, biases + h + hidden, count);
            Lanes.Store(Lanes.Load(biases + h + 2 * hidden, count) + sumNew, biases + h + 2 * hidden, count);
            Lanes.Store(Lanes.Load(biases + h + 3 * hidden, count) + sumTold, biases + h + 3 * hidden, count);
        }
    }
}
