// T time, B batch, N = T B, C characters of a vector, L codes of a word, W width
using System.Text;
using Granary.Torch.Data.Texts;
using Granary.Torch.Onnx;
using Granary.Torch.Operations;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Texts;

/// <summary>What a word is to the model: its number, or its characters.</summary>
internal static class WordCodes
{
    /// <summary>Bytes of a word that are read, with the marks of its beginning and its end.</summary>
    public const int Letters = 16;

    /// <summary>Codes of characters: nothing, beginning, end, and the bytes.</summary>
    public const int Characters = 3 + 256;

    private const int Begin = 1, End = 2, FirstByte = 3;

    /// <summary>The bytes of each word in UTF-8, between marks.</summary>
    public static long[] Spell(IReadOnlyList<string> words)
    {
        var codes = new long[words.Count * Letters];
        foreach (var (number, word) in words.Index())
        {
            var bytes = Encoding.UTF8.GetBytes(word);
            var own = codes.AsSpan(number * Letters, Letters);
            var length = Math.Min(bytes.Length, Letters - 2);
            own[0] = Begin;
            for (var i = 0; i < length; i++)
            {
                own[1 + i] = FirstByte + bytes[i];
            }
            own[1 + length] = End;
        }
        return codes;
    }
}

/// <summary>
/// Two LSTMs in each direction over vectors of words or of their characters (Peters et al., 2018). Dropout is its caller's, so that the body can be a
/// frozen part of another model.
/// </summary>
internal sealed class ElmoBody : nn.Module
{
    private const int CharacterVector = 16;
    private static readonly (int Window, int Filters)[] convolved = [(1, 16), (2, 32), (3, 64), (4, 128)];
    private readonly Embedding embedding;
    private readonly ModuleList<Conv1d> convolutions;
    private readonly Linear? projection;
    private readonly LSTM forwards1, forwards2, backwards1, backwards2;
    private readonly int width;

    /// <param name="words">How many are known; 0: they are read by their characters.</param>
    public ElmoBody(int words, int width) : base("elmo")
    {
        this.width = width;
        var readsWords = words > 0;
        embedding = readsWords ? nn.Embedding(words, width) : nn.Embedding(WordCodes.Characters, CharacterVector);
        convolutions = nn.ModuleList([.. readsWords ? [] : convolved.Select(part => nn.Conv1d(CharacterVector, part.Filters, part.Window))]);
        projection = readsWords ? null : nn.Linear(convolved.Sum(part => part.Filters), width);
        (forwards1, forwards2, backwards1, backwards2) = (nn.LSTM(width, width), nn.LSTM(width, width), nn.LSTM(width, width), nn.LSTM(width, width));
        RegisterComponents();
    }

    public Embedding Embedding => embedding;

    /// <summary>The vectors of words for themselves.</summary>
    /// <param name="codes_TBL">Their numbers, L being 1, or their characters.</param>
    public Tensor Read(Tensor codes_TBL)
    {
        if (projection is null)
        {
            return embedding.call(codes_TBL.squeeze(-1));
        }
        var (time, count) = (codes_TBL.shape[0], codes_TBL.shape[1]);
        var letters_NCL = embedding.call(codes_TBL.flatten(0, 1)).transpose(1, 2).contiguous();
        return projection.call(cat([.. convolutions.Select(convolution => convolution.call(letters_NCL).relu().amax([2]))], 1)).view(time, count, width);
    }

    /// <summary>The two layers of one direction; the second adds to the first.</summary>
    /// <param name="words_TBW">In the direction's order.</param>
    /// <param name="between">What happens to values between the layers.</param>
    public (Tensor First_TBW, Tensor Second_TBW) Layers(Tensor words_TBW, bool isForwards, Func<Tensor, Tensor>? between = null)
    {
        var (first, second) = isForwards ? (forwards1, forwards2) : (backwards1, backwards2);
        var first_TBW = Recurrence.Of(first, words_TBW);
        return (first_TBW, Recurrence.Of(second, between is null ? first_TBW : between(first_TBW)) + first_TBW);
    }

    /// <summary>Three vectors of 2 W numbers for each word of some texts: for itself, of the first layers and of the second. What texts are padded with changes nothing.</summary>
    public Tensor[] Contextual(PaddedTexts texts)
    {
        var words_TBW = Read(texts.Codes_TBL!);
        var (first_TBW, second_TBW) = Layers(words_TBW, isForwards: true);
        var (firstBack_TBW, secondBack_TBW) = Layers(texts.Reverse(words_TBW), isForwards: false);
        return [cat([words_TBW, words_TBW], 2), cat([first_TBW, texts.Reverse(firstBack_TBW)], 2), cat([second_TBW, texts.Reverse(secondBack_TBW)], 2)];
    }

    /// <summary>An input of what is read of each word: B x T x L.</summary>
    public OnnxValue Input(OnnxGraph graph, string name) => graph.IntegerInput(name, "batch", "time", projection is null ? 1 : WordCodes.Letters);

    /// <summary>The same as operations of ONNX: three times B x T x 2 W.</summary>
    /// <param name="seen_BT">1 where there is a word, 0 where a text has ended.</param>
    public OnnxValue[] Contextual(OnnxGraph graph, OnnxValue codes_BTL, OnnxValue seen_BT)
    {
        OnnxValue words_BTW = Read(graph, codes_BTL), words_TBW = graph.Transposed(words_BTW, 1, 0, 2), lengths_B = graph.Lengths(seen_BT);
        (OnnxValue First_TBW, OnnxValue Second_TBW) Layers(LSTM first, LSTM second, bool backwards)
        {
            var first_TBW = graph.Recur(first, words_TBW, lengths_B, backwards).States_TBH;
            return (first_TBW, graph.Apply("Add", [graph.Recur(second, first_TBW, lengths_B, backwards).States_TBH, first_TBW]));
        }
        OnnxValue Both(OnnxValue ahead_TBW, OnnxValue behind_TBW) => graph.Transposed(graph.Apply("Concat", [ahead_TBW, behind_TBW], ("axis", 2L)), 1, 0, 2);
        var ((first_TBW, second_TBW), (firstBack_TBW, secondBack_TBW)) = (Layers(forwards1, forwards2, backwards: false), Layers(backwards1, backwards2, backwards: true));
        return [graph.Apply("Concat", [words_BTW, words_BTW], ("axis", 2L)), Both(first_TBW, firstBack_TBW), Both(second_TBW, secondBack_TBW)];
    }

    private OnnxValue Read(OnnxGraph graph, OnnxValue codes_BTL)
    {
        if (projection is null)
        {
            return graph.Add(embedding, graph.Apply("Squeeze", [codes_BTL, graph.Integers(2)]));
        }
        var letters_NCL = graph.Transposed(graph.Add(embedding, graph.Apply("Reshape", [codes_BTL, graph.Integers(-1, WordCodes.Letters)])), 0, 2, 1);
        OnnxValue Highest(Conv1d convolution) => graph.Apply("ReduceMax", [graph.Apply("Relu", [graph.Add(convolution, letters_NCL)]), graph.Integers(2)], ("keepdims", 0L));
        var words_NW = graph.Add(projection, graph.Apply("Concat", [.. convolutions.Select(Highest)], ("axis", 1L)));
        var shape = graph.Apply("Concat", [graph.Apply("Shape", [codes_BTL], ("end", 2L)), graph.Integers(width)], ("axis", 0L));
        return graph.Apply("Reshape", [words_NW, shape]);
    }
}
