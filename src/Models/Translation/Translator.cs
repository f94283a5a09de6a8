// S words of the source, T of the target, B batch, E embedding, H hidden, M memory = 2 H, P places = S B
using Granary.Torch.Data.Texts;
using Granary.Torch.Networks;
using Granary.Torch.Operations;
using Granary.Training.Randomness;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Translation;

/// <summary>What the encoder has made of sentences.</summary>
/// <param name="States_SBM">What both directions say at each word.</param>
/// <param name="Keys_SBH">What the decoder's states are compared with; <see langword="null"/>: there is no attention.</param>
/// <param name="Padding_BS">True where there is no word.</param>
/// <param name="Begin_1BH">What the decoder begins with.</param>
internal sealed record Encoded(Tensor States_SBM, Tensor? Keys_SBH, Tensor Padding_BS, Tensor Begin_1BH);

/// <summary>
/// A GRU reads a sentence in both directions, another one writes its translation (Cho et al., 2014), and looks at the words it translates by the
/// "global attention" of Luong et al. (2015), but without feeding what it has seen into the next word: so all words are decoded at once.
/// </summary>
internal sealed partial class Translator : nn.Module
{
    private readonly Embedding source, target;
    private readonly Dropout dropout;
    private readonly GRU onward, backward, decoder;
    private readonly Linear join, output;
    private readonly Attention? attention;

    /// <param name="score">How attention scores a word: general, dot or concat; <see langword="null"/>: there is no attention.</param>
    /// <param name="embedding">Length of a word's vector.</param>
    /// <param name="hidden">Units of the decoder, and of each direction of the encoder.</param>
    /// <param name="drops">Share of the values dropped after the embeddings and before the output.</param>
    public Translator(string? score, int embedding, int hidden, double drops, int sourceWords, int targetWords) : base("seq2seq")
    {
        (source, target) = (nn.Embedding(sourceWords, embedding), nn.Embedding(targetWords, embedding));
        dropout = nn.Dropout(drops);
        (onward, backward, decoder) = (nn.GRU(embedding, hidden), nn.GRU(embedding, hidden), nn.GRU(embedding, hidden));
        join = nn.Linear(2 * hidden, hidden);
        attention = score is null ? null : new(score, hidden);
        // The beginning, which is the last word of the vocabulary, is never written.
        output = nn.Linear(hidden, targetWords - 1);
        RegisterComponents();
    }

    public Linear Output => output;

    /// <summary>Embeddings are small at first, as dropout and GRUs want them; all else is as usual.</summary>
    public void Initialize(ulong seed)
    {
        Initialization.Default(this, seed);
        var random = new StepRandom(seed, ulong.MaxValue);
        Initialization.Normal(source.weight!, 0, 0.1, ref random);
        Initialization.Normal(target.weight!, 0, 0.1, ref random);
    }

    public Encoded Encode(SourceBatch batch)
    {
        var words_SBE = dropout.call(source.call(batch.Words_SB));
        var onward_SBH = Recurrence.Of(onward, words_SBE);
        // The other direction reads each sentence from its own last word, not from the padding; its states are turned back.
        var backward_SBH = Recurrence.Of(backward, Reversal.Of(words_SBE, batch.Reversal_P));
        var ends_BM = cat([AtLast(onward_SBH, batch), AtLast(backward_SBH, batch)], 1);
        var states_SBM = cat([onward_SBH, Reversal.Of(backward_SBH, batch.Reversal_P)], 2);
        return new(states_SBM, attention?.Keys(states_SBM), batch.Padding_BS, LinearLayer.Of(join, ends_BM).tanh().unsqueeze(0));
    }

    /// <summary>What the output layer sees, the decoder's next state, and how much each target word looked at each source word.</summary>
    /// <param name="words_TB">The words that have been written, one after another.</param>
    public (Tensor Features_TBH, Tensor Next_1BH, Tensor? Looks_BTS) Decode(Tensor words_TB, Tensor state_1BH, Encoded encoded)
    {
        var states_TBH = Recurrence.Of(decoder, dropout.call(target.call(words_TB)), state_1BH);
        var next_1BH = states_TBH.narrow(0, states_TBH.size(0) - 1, 1);
        if (attention is null)
        {
            return (states_TBH, next_1BH, null);
        }
        var (features_TBH, looks_BTS) = attention.Look(states_TBH, encoded);
        return (features_TBH, next_1BH, looks_BTS);
    }

    /// <summary>Decodes a batch that is given some of the true words only; instead of the others, the likeliest words of the decoder itself.</summary>
    /// <param name="given_TB">1 where the true word is given, else 0.</param>
    public Tensor DecodePartlyGiven(PairBatch batch, Tensor given_TB, Encoded encoded)
    {
        var features = new List<Tensor>();
        var (state_1BH, word_1B) = (encoded.Begin_1BH, batch.Given_TB.narrow(0, 0, 1));
        for (var t = 0; t < batch.Given_TB.size(0); t++)
        {
            if (t > 0)
            {
                using var unlearned = no_grad();
                var likeliest_1B = output.call(features[^1].detach()).argmax(2);
                word_1B = where(given_TB.narrow(0, t, 1) > 0, batch.Given_TB.narrow(0, t, 1), likeliest_1B);
            }
            (var features_1BH, state_1BH, _) = Decode(word_1B, state_1BH, encoded);
            features.Add(features_1BH);
        }
        return cat(features, 0);
    }

    /// <summary>Of what was decoded only the places that have a next word, as the output layer sees them.</summary>
    public Tensor ForOutput(Tensor features_TBH, PairBatch batch) => dropout.call(features_TBH.flatten(0, 1).index_select(0, batch.Places_N));

    private static Tensor AtLast(Tensor states_SBH, SourceBatch batch) => states_SBH.flatten(0, 1).index_select(0, batch.Last_B);

    /// <summary>Scores every source word for every target word, and mixes what they say with the decoder's own state.</summary>
    private sealed partial class Attention : nn.Module
    {
        private readonly string score;
        private readonly Linear? keys, queries, energy;
        private readonly Linear mix;

        public Attention(string score, int hidden) : base("attention")
        {
            this.score = score;
            keys = score == "dot" ? null : nn.Linear(2 * hidden, hidden, hasBias: false);
            (queries, energy) = score == "concat" ? (nn.Linear(hidden, hidden, hasBias: false), nn.Linear(hidden, 1, hasBias: false)) : (null, null);
            mix = nn.Linear(3 * hidden, hidden);
            RegisterComponents();
        }

        /// <summary>A dot product wants equally many numbers on both sides: for it, the two directions are added up.</summary>
        public Tensor Keys(Tensor states_SBM)
        {
            var hidden = states_SBM.size(2) / 2;
            return keys is null ? states_SBM.narrow(2, 0, hidden) + states_SBM.narrow(2, hidden, hidden) : LinearLayer.Of(keys, states_SBM);
        }

        public (Tensor Features_TBH, Tensor Looks_BTS) Look(Tensor states_TBH, Encoded encoded)
        {
            // A softmax of large scores looks at one word and learns no other: products are scaled as in Vaswani et al. (2017).
            var (seen_TBM, looks_BTS) = energy is null
                ? GlobalAttention.Of(states_TBH, encoded.Keys_SBH!, encoded.States_SBM, encoded.Padding_BS)
                : LookByEnergy(states_TBH, encoded);
            return (LinearLayer.Of(mix, cat([seen_TBM, states_TBH], 2)).tanh(), looks_BTS);
        }

        private (Tensor Seen_TBM, Tensor Looks_BTS) LookByEnergy(Tensor states_TBH, Encoded encoded)
        {
            var energies_BTSH = (queries!.call(states_TBH).transpose(0, 1).unsqueeze(2) + encoded.Keys_SBH!.transpose(0, 1).unsqueeze(1)).tanh();
            var looks_BTS = energy!.call(energies_BTSH).squeeze(3).masked_fill(encoded.Padding_BS.unsqueeze(1), float.NegativeInfinity).softmax(2);
            return (looks_BTS.bmm(encoded.States_SBM.transpose(0, 1)).transpose(0, 1), looks_BTS);
        }
    }
}
