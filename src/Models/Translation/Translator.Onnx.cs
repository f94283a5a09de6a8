// S words of the source, T of the target, B batch, H hidden, M memory = 2 H, V vocabulary
using Granary.Torch.Onnx;
using static TorchSharp.torch;

namespace Granary.Models.Translation;

internal sealed partial class Translator
{
    /// <summary>The same as operations of ONNX: what speaks for each next word, B x T x V.</summary>
    /// <param name="source_BS">Sentences, each with the end behind it.</param>
    /// <param name="seen_BS">1 for these, 0 for what is behind.</param>
    /// <param name="target_BT">The words that have been written, from the beginning on.</param>
    public OnnxValue Describe(OnnxGraph graph, OnnxValue source_BS, OnnxValue seen_BS, OnnxValue target_BT)
    {
        OnnxValue words_SBE = graph.Transposed(graph.Add(source, source_BS), 1, 0, 2), lengths_B = graph.Lengths(seen_BS);
        var (onward_SBH, onwardEnd) = graph.Recur(onward, words_SBE, lengths_B);
        var (backward_SBH, backwardEnd) = graph.Recur(backward, words_SBE, lengths_B, backwards: true);
        var begin_1BH = graph.Apply("Tanh", [graph.Add(join, graph.Apply("Concat", [onwardEnd[0], backwardEnd[0]], ("axis", 2L)))]);
        var states_BTH = graph.Transposed(graph.Recur(decoder, graph.Transposed(graph.Add(target, target_BT), 1, 0, 2), begin: begin_1BH).States_TBH, 1, 0, 2);
        var memories_BSM = graph.Transposed(graph.Apply("Concat", [onward_SBH, backward_SBH], ("axis", 2L)), 1, 0, 2);
        return graph.Add(output, attention?.Describe(graph, states_BTH, memories_BSM, seen_BS) ?? states_BTH);
    }

    private sealed partial class Attention
    {
        public OnnxValue Describe(OnnxGraph graph, OnnxValue states_BTH, OnnxValue memories_BSM, OnnxValue seen_BS)
        {
            var hidden = mix.weight!.shape[0];
            var keys_BSH = keys is null
                ? graph.Apply("Add", [graph.Cut(memories_BSM, axis: 2, from: 0, to: hidden), graph.Cut(memories_BSM, axis: 2, from: hidden, to: 2 * hidden)])
                : graph.Add(keys, memories_BSM);
            // A sentence's end is not looked at: the place before the first that is not seen.
            var words_BS = graph.Pad(graph.Cut(seen_BS, axis: 1, from: 1, to: long.MaxValue), "constant", 0, 1);
            var nothing_B1S = graph.Apply("Unsqueeze", [graph.Apply("Equal", [words_BS, graph.Weight(tensor(0L))]), graph.Integers(1)]);
            var scores_BTS = graph.Apply("Where", [nothing_B1S, graph.Number(double.NegativeInfinity), Scores(graph, states_BTH, keys_BSH, hidden)]);
            var seen_BTM = graph.Apply("MatMul", [graph.Apply("Softmax", [scores_BTS], ("axis", -1L)), memories_BSM]);
            return graph.Apply("Tanh", [graph.Add(mix, graph.Apply("Concat", [seen_BTM, states_BTH], ("axis", 2L)))]);
        }

        private OnnxValue Scores(OnnxGraph graph, OnnxValue states_BTH, OnnxValue keys_BSH, long hidden)
        {
            if (energy is null)
            {
                return graph.Apply("MatMul", [graph.Apply("Mul", [states_BTH, graph.Number(1 / Math.Sqrt(hidden))]), graph.Transposed(keys_BSH, 0, 2, 1)]);
            }
            OnnxValue queries_BT1H = graph.Apply("Unsqueeze", [graph.Add(queries!, states_BTH), graph.Integers(2)]), keys_B1SH = graph.Apply("Unsqueeze", [keys_BSH, graph.Integers(1)]);
            return graph.Apply("Squeeze", [graph.Add(energy, graph.Apply("Tanh", [graph.Apply("Add", [queries_BT1H, keys_B1SH])])), graph.Integers(3)]);
        }
    }
}
