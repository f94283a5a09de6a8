// B batch, H hidden, G = 4 H: input, forget, new, output
using System.Runtime.Intrinsics;

namespace Granary.Torch.Operations;

/// <summary>What an LSTM does at one time besides its products, in one pass.</summary>
internal static unsafe class LstmRows
{
    /// <param name="gates_BG">What the input and the state before say, without biases; becomes the gates' values.</param>
    /// <param name="before_BH">The memory.</param>
    /// <param name="after_BH">Becomes the memory.</param>
    /// <param name="state_BH">Becomes the state.</param>
    public static void Forward(float* gates_BG, float* inputBias_G, float* stateBias_G, float* before_BH, float* after_BH, float* state_BH, int batch, int hidden)
    {
        for (var h = 0; h < hidden; h += Lanes.Count)
        {
            var count = hidden - h;
            var inputBias = Lanes.Load(inputBias_G + h, count) + Lanes.Load(stateBias_G + h, count);
            var forgetBias = Lanes.Load(inputBias_G + h + hidden, count) + Lanes.Load(stateBias_G + h + hidden, count);
            var newBias = Lanes.Load(inputBias_G + h + 2 * hidden, count) + Lanes.Load(stateBias_G + h + 2 * hidden, count);
            var outputBias = Lanes.Load(inputBias_G + h + 3 * hidden, count) + Lanes.Load(stateBias_G + h + 3 * hidden, count);
            var (row, wide) = (h, h);
            for (var b = 0; b < batch; b++, row += hidden, wide += 4 * hidden)
            {
                float* inputs = gates_BG + wide, forgets = inputs + hidden, news = forgets + hidden, outputs = news + hidden;
                var (input, forget) = Squash.Sigmoids(Lanes.Load(inputs, count) + inputBias, Lanes.Load(forgets, count) + forgetBias);
                var (value, output) = Squash.TanhAndSigmoid(Lanes.Load(news, count) + newBias, Lanes.Load(outputs, count) + outputBias);
                var memory = Vector512.FusedMultiplyAdd(forget, Lanes.Load(before_BH + row, count), input * value);
                Lanes.Store(input, inputs, count);
                Lanes.Store(forget, forgets, count);
                Lanes.Store(value, news, count);
                Lanes.Store(output, outputs, count);
                Lanes.Store(memory, after_BH + row, count);
                Lanes.Store(output * Squash.Tanh(memory), state_BH + row, count);
            }
        }
    }

    /// <param name="gradient_BH">Of what came out at this time.</param>
    /// <param name="carried_BH">The gradient that later times have for it.</param>
    /// <param name="memory_BH">The gradient that later times have for the memory; becomes that of the memory before.</param>
    /// <param name="gates_BG">The gates' values; become the gradient of what input and state said.</param>
    /// <param name="inputBias_G">The gradient, which is added to; null: not wanted.</param>
    /// <param name="stateBias_G">The gradient, which is added to; null: not wanted.</param>
    public static void Backward(float* gradient_BH, float* carried_BH, float* memory_BH, float* gates_BG, float* before_BH, float* after_BH, float* inputBias_G, float* stateBias_G, int batch, int hidden)
    {
        var one = Vector512<float>.One;
        for (var h = 0; h < hidden; h += Lanes.Count)
        {
            var count = hidden - h;
            var (inputSum, forgetSum, newSum, outputSum) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
            var (row, wide) = (h, h);
            for (var b = 0; b < batch; b++, row += hidden, wide += 4 * hidden)
            {
                float* inputs = gates_BG + wide, forgets = inputs + hidden, news = forgets + hidden, outputs = news + hidden;
                var (input, forget, value, output) = (Lanes.Load(inputs, count), Lanes.Load(forgets, count), Lanes.Load(news, count), Lanes.Load(outputs, count));
                var told = Squash.Tanh(Lanes.Load(after_BH + row, count));
                var toTold = (Lanes.Load(gradient_BH + row, count) + Lanes.Load(carried_BH + row, count)) * output;
                var toOutput = toTold * (one - output) * told;
                var toMemory = Vector512.FusedMultiplyAdd(toTold, Vector512.FusedMultiplyAdd(-told, told, one), Lanes.Load(memory_BH + row, count));
                var (past, toNew) = (toMemory * forget, toMemory * input);
                var toForget = past * (one - forget) * Lanes.Load(before_BH + row, count);
                var toInput = toNew * (one - input) * value;
                toNew *= Vector512.FusedMultiplyAdd(-value, value, one);
                Lanes.Store(past, memory_BH + row, count);
                Lanes.Store(toInput, inputs, count);
                Lanes.Store(toForget, forgets, count);
                Lanes.Store(toNew, news, count);
                Lanes.Store(toOutput, outputs, count);
                (inputSum, forgetSum, newSum, outputSum) = (inputSum + toInput, forgetSum + toForget, newSum + toNew, outputSum + toOutput);
            }
            AddBias(inputBias_G);
            AddBias(stateBias_G);

            void AddBias(float* bias_G)
            {
                if (bias_G != null)
                {
                    Lanes.Add(inputSum, bias_G + h, count);
                    Lanes.Add(forgetSum, bias_G + h + hidden, count);
                    Lanes.Add(newSum, bias_G + h + 2 * hidden, count);
                    Lanes.Add(outputSum, bias_G + h + 3 * hidden, count);
                }
            }
        }
    }
}
