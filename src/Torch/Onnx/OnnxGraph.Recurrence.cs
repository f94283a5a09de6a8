// T time, B batch, I inputs, H hidden, D directions, K gates, X inputs, hidden or 1
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Onnx;

public sealed partial class OnnxGraph
{
    private const int ShortInteger = 6;

    /// <summary>How many places of each text there are, as recurrent operations want it: B.</summary>
    /// <inheritdoc cref="Hidden"/>
    internal OnnxValue Lengths(OnnxValue seen_BT) => Apply("Cast", [Apply("ReduceSum", [seen_BT, Integers(1)], ("keepdims", 0L))], ("to", (long)ShortInteger));

    /// <summary>An <see cref="LSTM"/>, a <see cref="GRU"/> or an <see cref="RNN"/> (with tanh) of one layer and one direction: its states at all times, in the order of the input, and what it remembers.</summary>
    /// <param name="lengths_B">Of the texts, see <see cref="Lengths"/>; behind an end states are 0, and nothing is read. Default: all that there is.</param>
    /// <param name="backwards">Whether each text is read from its own last place to its first.</param>
    /// <param name="begin">What is remembered before: a state, of an LSTM also its memory, each 1 x B x H. Default: zeros.</param>
    internal (OnnxValue States_TBH, OnnxValue[] Remembered) Recur(nn.Module cell, OnnxValue input_TBI, OnnxValue? lengths_B = null, bool backwards = false, params OnnxValue[] begin)
    {
        var (states_TDBH, remembered) = Recur(cell, [""], layer: 0, backwards ? "reverse" : "forward", input_TBI, lengths_B, begin);
        return (Apply("Squeeze", [states_TDBH, Integers(1)]), remembered);
    }

    /// <summary>All layers and directions of a module, from zeros: what the last layer's states are.</summary>
    private OnnxValue Recur(nn.Module cell, OnnxValue input)
    {
        var names = cell.named_parameters().Select(parameter => parameter.name).ToHashSet(StringComparer.Ordinal);
        string[] directions = names.Contains("weight_ih_l0_reverse") ? ["", "_reverse"] : [""];
        var (hidden, batchFirst) = (directions.Length * Parameter(cell, "weight_hh_l0")!.shape[1], IsBatchFirst(cell));
        var value_TBI = batchFirst ? Transposed(input, 1, 0, 2) : input;
        for (var layer = 0; names.Contains($"weight_ih_l{layer}"); layer++)
        {
            var (states_TDBH, _) = Recur(cell, directions, layer, directions.Length > 1 ? "bidirectional" : "forward", value_TBI, lengths_B: null, []);
            value_TBI = Apply("Reshape", [Transposed(states_TDBH, 0, 2, 1, 3), Integers(0, 0, hidden)]);
        }
        return batchFirst ? Transposed(value_TBI, 1, 0, 2) : value_TBI;
    }

    /// <param name="directions">What their parameters' names end with.</param>
    private (OnnxValue States_TDBH, OnnxValue[] Remembered) Recur(nn.Module cell, string[] directions, int layer, string direction, OnnxValue input_TBI, OnnxValue? lengths_B, OnnxValue[] begin)
    {
        // Where PyTorch has the gates that ONNX wants: input, output, forget and new of an LSTM, update, reset and new of a GRU.
        var (operation, gates) = cell switch { LSTM => ("LSTM", new long[] { 0, 3, 1, 2 }), GRU => ("GRU", [1, 0, 2]), _ => ("RNN", [0]) };
        var hidden = Parameter(cell, $"weight_hh_l{layer}{directions[0]}")!.shape[1];

        OnnxValue Ordered(string name, params long[] shape)
        {
            var gates_KHX = Apply("Reshape", [Weight(Parameter(cell, name)!), Integers(gates.Length, hidden, -1)]);
            return Apply("Reshape", [Apply("Gather", [gates_KHX, Integers(gates)]), Integers(shape)]);
        }

        OnnxValue Matrices(string name) => Joined(directions.Select(end => Ordered($"{name}_l{layer}{end}", 1, gates.Length * hidden, -1)), axis: 0);
        OnnxValue Bias(string end) => Joined(new[] { "bias_ih", "bias_hh" }.Select(name => Ordered($"{name}_l{layer}{end}", 1, -1)), axis: 1);

        var none = new OnnxValue("");
        var bias = Parameter(cell, $"bias_ih_l{layer}") is null ? none : Joined(directions.Select(Bias), axis: 0);
        OnnxValue[] inputs = [input_TBI, Matrices("weight_ih"), Matrices("weight_hh"), bias, lengths_B ?? none, .. begin];
        (string, object)[] attributes = [("hidden_size", hidden), ("direction", direction), .. cell is GRU ? [("linear_before_reset", (object)1L)] : Array.Empty<(string, object)>()];
        var outputs = Apply(operation, cell is LSTM ? 3 : 2, inputs, attributes);
        return (outputs[0], outputs[1..]);
    }

    /// <summary>Values behind one another along an axis.</summary>
    internal OnnxValue Joined(IEnumerable<OnnxValue> values, long axis) => values.ToArray() is [var only] ? only : Apply("Concat", [.. values], ("axis", axis));

    private static Parameter? Parameter(nn.Module cell, string name) => cell.named_parameters().FirstOrDefault(parameter => parameter.name == name).parameter;

    /// <summary>TorchSharp does not tell; what comes out of a batch of two texts with one place does.</summary>
    private static bool IsBatchFirst(nn.Module cell)
    {
        using var unlearned = no_grad();
        using var scope = NewDisposeScope();
        var input = zeros(2, 1, Parameter(cell, "weight_ih_l0")!.shape[1]);
        return (cell is LSTM lstm ? lstm.call(input).Item2 : ((GRU)cell).call(input, null!).Item2).size(1) == 2;
    }
}
