// T time, B batch, E embedding, F features, K words of a window
using Granary.Torch.Data.Texts;
using Granary.Torch.Onnx;
using Granary.Torch.Operations;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Texts;

/// <summary>A network that classifies texts.</summary>
internal interface ITextClassifier
{
    /// <returns>A row for each text; of two labels, the one logit that speaks for the second; of more, one for each label.</returns>
    Tensor Forward(PaddedTexts texts);

    /// <summary>The same as operations of ONNX, with inputs for what is read of words.</summary>
    /// <param name="seen_BT">1 where there is a word, 0 where a text has ended.</param>
    OnnxValue Describe(OnnxGraph graph, OnnxValue seen_BT);

    /// <summary>The input of the words' numbers.</summary>
    static OnnxValue Words(OnnxGraph graph) => graph.IntegerInput("input_ids", "batch", "time");
}

/// <summary>Makes of the vectors of a text's words a fixed number of features. What the text is padded with changes nothing.</summary>
internal abstract class TextEncoder(string name) : nn.Module(name)
{
    /// <summary>How many features there are.</summary>
    public abstract int Features { get; }

    /// <param name="words_TBE">Vectors of words, 0 behind a text's end.</param>
    /// <returns>B x F.</returns>
    public abstract Tensor Encode(Tensor words_TBE, PaddedTexts texts);

    /// <summary>The same as operations of ONNX.</summary>
    /// <inheritdoc cref="ITextClassifier.Describe"/>
    public abstract OnnxValue Describe(OnnxGraph graph, OnnxValue words_BTE, OnnxValue seen_BT);
}

/// <summary>The mean of the words' vectors.</summary>
internal sealed class AverageEncoder(int embedding) : TextEncoder("average")
{
    public override int Features => embedding;

    public override Tensor Encode(Tensor words_TBE, PaddedTexts texts) => words_TBE.sum(dim: 0) / texts.Mask_TB1.sum(dim: 0);

    public override OnnxValue Describe(OnnxGraph graph, OnnxValue words_BTE, OnnxValue seen_BT) => graph.Mean(words_BTE, seen_BT);
}

/// <summary>Convolutions over windows of 3, 4 and 5 words, and the maximum of each over the text (Kim, 2014). A text of fewer than 5 words is one with zeros behind it.</summary>
internal sealed class ConvolutionEncoder : TextEncoder
{
    public const int Longest = 5;
    private static readonly int[] windows = [3, 4, Longest];
    private readonly ModuleList<Conv1d> convolutions;

    public ConvolutionEncoder(int embedding, int filters) : base("convolutions")
    {
        convolutions = nn.ModuleList([.. windows.Select(window => nn.Conv1d(embedding, filters, window))]);
        Features = windows.Length * filters;
        RegisterComponents();
    }

    public override int Features { get; }

    public override Tensor Encode(Tensor words_TBE, PaddedTexts texts)
    {
        // The largest of what ReLU leaves is what ReLU leaves of the largest.
        return cat([.. windows.Zip(convolutions, (window, convolution) => Highest.Of(TimeConvolution.Of(convolution, words_TBE), WithinText(texts.Mask_TB1, window)).relu())], 1);
    }

    public override OnnxValue Describe(OnnxGraph graph, OnnxValue words_BTE, OnnxValue seen_BT)
    {
        var words_BET = graph.Transposed(words_BTE, 0, 2, 1);
        OnnxValue Of(int window, Conv1d convolution)
        {
            // The first place always counts.
            OnnxValue first_B1 = graph.Cut(seen_BT, axis: 1, from: 0, to: 1), others = graph.Cut(seen_BT, axis: 1, from: window, to: long.MaxValue);
            var hidden_B1T = graph.Apply("Unsqueeze", [graph.Apply("Equal", [graph.Apply("Concat", [first_B1, others], ("axis", 1L)), graph.Weight(tensor(0L))]), graph.Integers(1)]);
            var values_BKT = graph.Apply("Where", [hidden_B1T, graph.Number(double.NegativeInfinity), graph.Add(convolution, words_BET)]);
            return graph.Apply("Relu", [graph.Apply("ReduceMax", [values_BKT, graph.Integers(2)], ("keepdims", 0L))]);
        }
        return graph.Apply("Concat", [.. windows.Zip(convolutions, Of)], ("axis", 1L));
    }

    /// <summary>1 where a window lies within the text; the first always counts.</summary>
    private static Tensor WithinText(Tensor mask_TB1, int window)
    {
        var (length, count) = (mask_TB1.shape[0], mask_TB1.shape[1]);
        return cat([ones(1, count, 1, device: mask_TB1.device), mask_TB1.narrow(0, window, length - window)], 0);
    }
}

/// <summary>
/// An LSTM or GRU in each direction, and the maximum of each of their values over the text. Two modules of one direction: the backward one begins
/// at each text's own last word, so that nothing needs to be packed, which would take libtorch's slow path.
/// </summary>
internal sealed class RecurrentEncoder : TextEncoder
{
    private readonly nn.Module forwards, backwards;

    public RecurrentEncoder(string cell, int embedding, int hidden) : base("recurrent")
    {
        (forwards, backwards) = (Cell(), Cell());
        Features = 2 * hidden;
        RegisterComponents();

        nn.Module Cell() => cell == "lstm" ? nn.LSTM(embedding, hidden) : nn.GRU(embedding, hidden);
    }

    public override int Features { get; }

    public override Tensor Encode(Tensor words_TBE, PaddedTexts texts)
    {
        Tensor Read(nn.Module cell, Tensor input_TBE) => Highest.Of(Recur(cell, input_TBE), texts.Mask_TB1);
        return cat([Read(forwards, words_TBE), Read(backwards, texts.Reverse(words_TBE))], 1);
    }

    public override OnnxValue Describe(OnnxGraph graph, OnnxValue words_BTE, OnnxValue seen_BT)
    {
        OnnxValue words_TBE = graph.Transposed(words_BTE, 1, 0, 2), lengths_B = graph.Lengths(seen_BT), hidden_TB1 = graph.Transposed(graph.Apply("Equal", [graph.Mask(seen_BT), graph.Number(0)]), 1, 0, 2);
        OnnxValue Read(nn.Module cell, bool backwards)
        {
            var states_TBH = graph.Recur(cell, words_TBE, lengths_B, backwards).States_TBH;
            return graph.Apply("ReduceMax", [graph.Apply("Where", [hidden_TB1, graph.Number(double.NegativeInfinity), states_TBH]), graph.Integers(0)], ("keepdims", 0L));
        }
        return graph.Apply("Concat", [Read(forwards, backwards: false), Read(backwards, backwards: true)], ("axis", 1L));
    }

    private static Tensor Recur(nn.Module cell, Tensor input_TBE) => cell is LSTM lstm ? Recurrence.Of(lstm, input_TBE) : Recurrence.Of((GRU)cell, input_TBE);
}
