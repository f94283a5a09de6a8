// B batch, H hidden, G = 3 H: reset, update, new
using System.Runtime.Intrinsics;

namespace Granary.Torch.Operations;

/// <summary>What a GRU does at one time besides its products, in one pass.</summary>
internal static unsafe class GruRows
{
    /// <param name="gates_BG">What the input says, without bias; becomes the gates' values.</param>
    /// <param name="said_BG">What the state before says, without bias.</param>
    /// <param name="said_BH">Becomes what the state says to the new value, with bias.</param>
    public static void Forward(float* gates_BG, float* said_BG, float* inputBias_G, float* stateBias_G, float* before_BH, float* said_BH, float* after_BH, int batch, int hidden)
    {
        for (var h = 0; h < hidden; h += Lanes.Count)
        {
            var count = hidden - h;
            var resetBias = Lanes.Load(inputBias_G + h, count) + Lanes.Load(stateBias_G + h, count);
            var updateBias = Lanes.Load(inputBias_G + h + hidden, count) + Lanes.Load(stateBias_G + h + hidden, count);
            var (newBias, saidBias) = (Lanes.Load(inputBias_G + h + 2 * hidden, count), Lanes.Load(stateBias_G + h + 2 * hidden, count));
            var (row, wide) = (h, h);
            for (var b = 0; b < batch; b++, row += hidden, wide += 3 * hidden)
            {
                float* resets = gates_BG + wide, updates = resets + hidden, news = updates + hidden;
                var (reset, update) = Squash.Sigmoids(
                    Lanes.Load(resets, count) + Lanes.Load(said_BG + wide, count) + resetBias,
                    Lanes.Load(updates, count) + Lanes.Load(said_BG + wide + hidden, count) + updateBias);
                var said = Lanes.Load(said_BG + wide + 2 * hidden, count) + saidBias;
                var value = Squash.Tanh(Vector512.FusedMultiplyAdd(reset, said, Lanes.Load(news, count) + newBias));
                Lanes.Store(reset, resets, count);
                Lanes.Store(update, updates, count);
                Lanes.Store(value, news, count);
                Lanes.Store(said, said_BH + row, count);
                Lanes.Store(Vector512.FusedMultiplyAdd(update, Lanes.Load(before_BH + row, count) - value, value), after_BH + row, count);
            }
        }
    }

    /// <param name="gradient_BH">Of what came out at this time.</param>
    /// <param name="carried_BH">The gradient that later times have for it; becomes what goes past the gates to the state before.</param>
    /// <param name="gates_BG">The gates' values; become the gradient of what the input said.</param>
    /// <param name="said_BG">Becomes the gradient of what the state said.</param>
    /// <param name="said_BH">As <see cref="Forward"/> has left it; becomes the last third of <paramref name="said_BG"/>, whose other two are those of the input.</param>
    /// <param name="inputBias_G">The gradient, which is added to; null: not wanted.</param>
    /// <param name="stateBias_G">The gradient, which is added to; null: not wanted.</param>
    public static void Backward(float* gradient_BH, float* carried_BH, float* gates_BG, float* said_BG, float* before_BH, float* said_BH, float* inputBias_G, float* stateBias_G, int batch, int hidden)
    {
        var one = Vector512<float>.One;
        for (var h = 0; h < hidden; h += Lanes.Count)
        {
            var count = hidden - h;
            var (resetSum, updateSum, newSum, saidSum) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
            var (row, wide) = (h, h);
            for (var b = 0; b < batch; b++, row += hidden, wide += 3 * hidden)
            {
                float* resets = gates_BG + wide, updates = resets + hidden, news = updates + hidden;
                var (reset, update, value) = (Lanes.Load(resets, count), Lanes.Load(updates, count), Lanes.Load(news, count));
                var gradient = Lanes.Load(gradient_BH + row, count) + Lanes.Load(carried_BH + row, count);
                var past = gradient * update;
                var toUpdate = past * (one - update) * (Lanes.Load(before_BH + row, count) - value);
                var toNew = (gradient - past) * Vector512.FusedMultiplyAdd(-value, value, one);
                var toSaid = toNew * reset;
                var toReset = toSaid * (one - reset) * Lanes.Load(said_BH + row, count);
                Lanes.Store(past, carried_BH + row, count);
                Lanes.Store(toReset, resets, count);
                Lanes.Store(toUpdate, updates, count);
                Lanes.Store(toNew, news, count);
                Lanes.Store(toReset, said_BG + wide, count);
                Lanes.Store(toUpdate, said_BG + wide + hidden, count);
                Lanes.Store(toSaid, said_BG + wide + 2 * hidden, count);
                Lanes.Store(toSaid, said_BH + row, count);
                (resetSum, updateSum, newSum, saidSum) = (resetSum + toReset, updateSum + toUpdate, newSum + toNew, saidSum + toSaid);
            }
            AddBias(inputBias_G, newSum);
            AddBias(stateBias_G, saidSum);

            void AddBias(float* bias_G, Vector512<float> lastSum)
            {
                if (bias_G != null)
                {
                    Lanes.Add(resetSum, bias_G + h, count);
                    Lanes.Add(updateSum, bias_G + h + hidden, count);
                    Lanes.Add(lastSum, bias_G + h + 2 * hidden, count);
                }
            }
        }
    }
}
