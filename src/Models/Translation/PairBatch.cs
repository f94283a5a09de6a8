// S words of the source, T of the target, B batch, P places (s or t, b) = s B + b
using System.Runtime.InteropServices;
using Granary.Torch.Data.Texts;
using static TorchSharp.torch;

namespace Granary.Models.Translation;

/// <summary>Sentences side by side, each with the end behind it, padded to one length.</summary>
/// <param name="Reversal_P">The places of the words when each sentence is read from its last word to its first; what pads it stays where it is.</param>
/// <param name="Last_B">The place of each sentence's last word.</param>
/// <param name="Padding_BS">True behind a sentence's last word, where there is nothing to look at: not at its end either, which attention would look at and nowhere else.</param>
public record SourceBatch(Tensor Words_SB, Tensor Reversal_P, Tensor Last_B, Tensor Padding_BS)
{
    /// <summary>A batch of sentences.</summary>
    public static SourceBatch Of(IReadOnlyList<int[]> sentences, SentenceLanguage language)
    {
        var (batch, length) = (sentences.Count, sentences.Max(sentence => sentence.Length) + 1);
        Tensor words_SB = empty(length, batch, dtype: int64), reversal_P = Reversal.Places([.. sentences.Select(sentence => sentence.Length + 1)], length), last_B = empty(batch, dtype: int64), padding_BS = empty(batch, length, dtype: @bool);
        Span<long> words = Values(words_SB), last = Values(last_B);
        var padding = MemoryMarshal.Cast<byte, bool>(padding_BS.bytes);
        for (var b = 0; b < batch; b++)
        {
            var sentence = sentences[b];
            last[b] = sentence.Length * batch + b;
            for (var s = 0; s < length; s++)
            {
                words[s * batch + b] = s < sentence.Length ? sentence[s] : language.End;
                padding[b * length + s] = s >= sentence.Length;
            }
        }
        return new(words_SB, reversal_P, last_B, padding_BS);
    }

    /// <summary>The numbers in a tensor's own memory.</summary>
    protected static Span<long> Values(Tensor tensor) => MemoryMarshal.Cast<byte, long>(tensor.bytes);
}

/// <summary>Sentences and their translations.</summary>
public sealed record PairBatch : SourceBatch
{
    private PairBatch(SourceBatch source) : base(source)
    {
    }

    /// <summary>The translations, from the beginning to their last words.</summary>
    public required Tensor Given_TB { get; init; }

    /// <summary>The places of those that have a next word, which padding has not.</summary>
    public required Tensor Places_N { get; init; }

    /// <summary>The word that follows at each of these places; behind the last, the end.</summary>
    public required Tensor Next_N { get; init; }

    /// <summary>As they were written; <see langword="null"/>: the model's own need not be compared with it.</summary>
    public required IReadOnlyList<string?> Translations { get; init; }

    /// <summary>A batch of pairs.</summary>
    /// <param name="isTranslated">Whether a pair, by its place in the batch, is to be translated for comparison.</param>
    public static PairBatch Of(IReadOnlyList<SentencePair> pairs, SentencePairs data, Func<int, bool> isTranslated)
    {
        var (batch, length) = (pairs.Count, pairs.Max(pair => pair.Target.Length) + 1);
        var count = pairs.Sum(pair => pair.Target.Length + 1);
        Tensor given_TB = empty(length, batch, dtype: int64), places_N = empty(count, dtype: int64), next_N = empty(count, dtype: int64);
        Span<long> given = Values(given_TB), places = Values(places_N), next = Values(next_N);
        var found = 0;
        for (var t = 0; t < length; t++)
        {
            for (var b = 0; b < batch; b++)
            {
                var sentence = pairs[b].Target;
                given[t * batch + b] = t == 0 ? data.Target.Begin : t <= sentence.Length ? sentence[t - 1] : data.Target.End;
                if (t <= sentence.Length)
                {
                    places[found] = t * batch + b;
                    next[found++] = t < sentence.Length ? sentence[t] : data.Target.End;
                }
            }
        }
        return new(Of([.. pairs.Select(pair => pair.Source)], data.Source))
        {
            Given_TB = given_TB,
            Places_N = places_N,
            Next_N = next_N,
            Translations = [.. pairs.Select((pair, row) => isTranslated(row) ? pair.Translation : null)],
        };
    }
}
