// T time, B batch, N = T B, L codes of a word
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Granary.Torch.Data.Texts;

/// <summary>Texts of several lengths side by side, padded to one.</summary>
/// <param name="Words_TB">Numbers of words, as the model counts them; behind a text's end, 0.</param>
/// <param name="Mask_TB1">1 for a word, 0 behind a text's end.</param>
/// <param name="Backwards_N">Where in the flattened batch each place's word is when every text is read from its own last word to its first; what is behind the end stays there.</param>
/// <param name="Labels_B">The label of each text; of texts that have none, 0.</param>
/// <param name="Codes_TBL">What another model reads of each word, if there is one; behind a text's end, 0.</param>
public sealed record PaddedTexts(Tensor Words_TB, Tensor Mask_TB1, Tensor Backwards_N, Tensor Labels_B, Tensor? Codes_TBL = null)
{
    /// <param name="texts">One at least.</param>
    /// <param name="known">For each number of the texts, the model's.</param>
    /// <param name="least">The batch is at least so many words long.</param>
    /// <param name="codes">For each number of the texts, as many codes, those of one word behind those of another; <see langword="null"/>: there is no other model.</param>
    public static PaddedTexts Of(IReadOnlyList<LabelledText> texts, int[] known, int least = 1, long[]? codes = null)
    {
        var (count, length) = (texts.Count, Math.Max(least, texts.Max(text => text.Words.Length)));
        Tensor words_TB = zeros([length, count], int64), mask_TB1 = zeros(length, count, 1), backwards_N = Reversal.Places([.. texts.Select(text => text.Words.Length)], length), labels_B = empty(count, dtype: int64);
        Span<long> words = MemoryMarshal.Cast<byte, long>(words_TB.bytes), labels = MemoryMarshal.Cast<byte, long>(labels_B.bytes);
        var mask = MemoryMarshal.Cast<byte, float>(mask_TB1.bytes);
        for (var b = 0; b < count; b++)
        {
            var own = texts[b].Words;
            labels[b] = texts[b].Label;
            for (var t = 0; t < own.Length; t++)
            {
                words[t * count + b] = known[own[t]];
                mask[t * count + b] = 1;
            }
        }
        return new(words_TB, mask_TB1, backwards_N, labels_B, codes is null ? null : Coded(texts, codes, codes.Length / known.Length, length));
    }

    private static Tensor Coded(IReadOnlyList<LabelledText> texts, long[] codes, int width, int length)
    {
        var codes_TBL = zeros([length, texts.Count, width], int64);
        var values = MemoryMarshal.Cast<byte, long>(codes_TBL.bytes);
        for (var b = 0; b < texts.Count; b++)
        {
            for (var t = 0; t < texts[b].Words.Length; t++)
            {
                codes.AsSpan(texts[b].Words[t] * width, width).CopyTo(values[((t * texts.Count + b) * width)..]);
            }
        }
        return codes_TBL;
    }

    /// <summary>Every text from its last word to its first, or back again.</summary>
    /// <param name="values_TBF">A row of features for each word.</param>
    public Tensor Reverse(Tensor values_TBF) => Reversal.Of(values_TBF, Backwards_N);
}
