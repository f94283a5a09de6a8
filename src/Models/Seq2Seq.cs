// S words of the source, T of the target, B batch, H hidden, V vocabulary, N target words that are learned, R rows of a beam search
using Granary.Models.Translation;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Data.Texts;
using Granary.Torch.Networks;
using Granary.Torch.Onnx;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>Translates sentences, and is measured by the likelihood of people's translations and by BLEU of its own, see <see cref="Bleu"/>.</summary>
[Learner("seq2seq", "translates sentences: GRU encoder and decoder, with Luong's attention", DataSet = "nmt-en-cn", Data = typeof(SentencePairs), Epochs = 6)]
public sealed class Seq2Seq : NetworkLearner<Seq2SeqSettings, PairBatch>, IPredictor, IOnnxLearner
{
    private const string SourceName = "source", TargetName = "target", Automatic = "auto";
    private readonly Lazy<SentencePairs> pairs;
    private readonly SentenceLanguage source, target;
    private readonly Translator network;

    public Seq2Seq(LearnerContext context) : base(context)
    {
        if (Settings.Source == Settings.Target)
        {
            throw new TaskSettingException($"Settings 'source' and 'target' are both {Settings.Source}: a column would be translated into itself.");
        }
        var options = new PairOptions
        {
            Source = Settings.Source,
            Target = Settings.Target,
            SourceWording = WordingOf(Settings.SourceTokens),
            TargetWording = WordingOf(Settings.TargetTokens),
            MinCount = Settings.MinCount,
            Longest = Settings.Longest,
        };
        pairs = new(() => context.ForUse ? SentencePairs.Load(Spec.Data, options, source!, target!) : SentencePairs.Load(Spec.Data, options));
        (source, target) = context.ForUse
            ? (SentenceLanguage.FromAssets(context.Asset, SourceName), SentenceLanguage.FromAssets(context.Asset, TargetName))
            : (pairs.Value.Source, pairs.Value.Target);
        network = new(Settings.Attention == "none" ? null : Settings.Score, Settings.Embedding, Settings.Hidden, Settings.Dropout, source.Count, target.Count);
    }

    public override string Unit => "words";

    public InputKind Takes => InputKind.Text;

    public override Measure Measure => new("validation.perplexity", LowerIsBetter: true, Occasional: true);

    public override IReadOnlyDictionary<string, byte[]> Assets => source.ToAssets(SourceName).Concat(target.ToAssets(TargetName)).ToDictionary();

    public override void Initialize(nn.Module module, ulong seed) => network.Initialize(seed);

    /// <summary>One step of a translation, or the score of one that is given: the logits of each next word. Which of them are followed is for the caller to say.</summary>
    public void Describe(OnnxGraph graph)
    {
        graph.Note("source.end", $"{source.End}");
        graph.Note("target.begin", $"{target.Begin}");
        graph.Note("target.end", $"{target.End}");
        OnnxValue source_BS = graph.IntegerInput("input_ids", "batch", "source"), seen_BS = graph.IntegerInput("attention_mask", "batch", "source");
        var target_BT = graph.IntegerInput("decoder_input_ids", "batch", "time");
        graph.Output("logits", network.Describe(graph, source_BS, seen_BS, target_BT), "batch", "time", target.Count - 1);
    }

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<string> inputs) =>
        [.. inputs.Select(Read).ToArray().Chunk(Settings.Batch).SelectMany(sentences => Use(() => Answer(sentences)))];

    protected override nn.Module Network => network;

    protected override Func<IBatches<PairBatch>> Training => () =>
    {
        var training = pairs.Value.Training;
        // By the length of the source, and among equals by that of the target.
        int[] lengths = [.. training.Select(pair => pair.Source.Length * (Settings.Longest + 1) + pair.Target.Length)];
        return new LengthBuckets<PairBatch>(lengths, Settings.Batch, Spec, (chosen, _) => PairBatch.Of([.. chosen.Select(number => training[number])], pairs.Value, _ => false));
    };

    protected override Func<IBatches<PairBatch>> Validation => () => HeldOut(pairs.Value.HeldOut, Settings.BleuSentences);

    protected override Func<IBatches<PairBatch>>? Test => Spec.Data is not null && SentencePairs.HasTest(Spec.Data) ? () => HeldOut(pairs.Value.Test!, 0) : null;

    protected override IReadOnlyList<string> Judged => [Loss, .. Bleu.Sums];

    protected override Tensor LossSum(PairBatch batch, ShardPass pass)
    {
        pass.Weight += batch.Next_N.numel();
        var encoded = network.Encode(batch);
        return SoftmaxOutput.LossSum(network.Output, network.ForOutput(Decode(batch, encoded, pass), batch), batch.Next_N);
    }

    protected override void Judge(PairBatch batch, ShardPass pass)
    {
        pass.Weight += batch.Next_N.numel();
        var encoded = network.Encode(batch);
        var (features_TBH, _, _) = network.Decode(batch.Given_TB, encoded.Begin_1BH, encoded);
        pass.Add(Loss, nn.functional.cross_entropy(network.Output.call(network.ForOutput(features_TBH, batch)), batch.Next_N, reduction: nn.Reduction.Sum));
        if (batch.Translations.Any(translation => translation is not null))
        {
            Span<double> counts = stackalloc double[Bleu.Sums.Count];
            foreach (var (ours, theirs) in Translate(encoded).Zip(batch.Translations))
            {
                if (theirs is not null)
                {
                    Bleu.Count(target.ForBleu(target.Decode(ours)), target.ForBleu(theirs), counts);
                }
            }
            for (var i = 0; i < counts.Length; i++)
            {
                pass.Add(Bleu.Sums[i], counts[i]);
            }
        }
    }

    protected override void Report(Totals totals, Metrics metrics)
    {
        Span<double> counts = stackalloc double[Bleu.Sums.Count];
        for (var i = 0; i < counts.Length; i++)
        {
            counts[i] = totals[Bleu.Sums[i]];
        }
        metrics[$"{totals.Phase}.loss"] = totals.Mean(Loss);
        metrics[$"{totals.Phase}.perplexity"] = Math.Exp(totals.Mean(Loss));
        if (counts[^1] > 0)
        {
            metrics[$"{totals.Phase}.bleu"] = Bleu.Score(counts);
            metrics[$"{totals.Phase}.brevity"] = Bleu.Brevity(counts);
        }
    }

    private static Wording? WordingOf(string setting) => setting == Automatic ? null : Enum.Parse<Wording>(setting, ignoreCase: true);

    /// <param name="translated">How many of the first are translated for BLEU; 0: all; -1: none.</param>
    private OrderedBatches<PairBatch> HeldOut(IReadOnlyList<SentencePair> heldOut, int translated)
    {
        bool IsTranslated(int number) => translated == 0 || number < translated;
        // Sentences of like length side by side, and those that are translated apart from the others; the sums do not mind the order.
        int[] order = [.. Enumerable.Range(0, heldOut.Count).OrderByDescending(IsTranslated).ThenBy(number => heldOut[number].Source.Length)];
        return new(heldOut.Count, Settings.Batch, Spec, chosen => PairBatch.Of([.. chosen.Select(place => heldOut[order[place]])], pairs.Value, row => IsTranslated(order[chosen[row]])));
    }

    /// <summary>What the decoder makes of the true words, or of those that it is given.</summary>
    private Tensor Decode(PairBatch batch, Encoded encoded, ShardPass pass)
    {
        if (Settings.TeacherForcing == 1)
        {
            return network.Decode(batch.Given_TB, encoded.Begin_1BH, encoded).Features_TBH;
        }
        return network.DecodePartlyGiven(batch, pass.Mask(Settings.TeacherForcing, batch.Given_TB.shape), encoded);
    }

    private IReadOnlyList<int[]> Translate(Encoded encoded)
    {
        var sentences = (int)encoded.Padding_BS.size(0);
        var rows_R = Bring(arange(sentences)).repeat_interleave(Settings.Beam);
        var each = Settings.Beam == 1 ? encoded : new(
            encoded.States_SBM.index_select(1, rows_R), encoded.Keys_SBH?.index_select(1, rows_R), encoded.Padding_BS.index_select(0, rows_R), encoded.Begin_1BH);
        var state_1RH = encoded.Begin_1BH;
        return new BeamSearch(Settings.Beam, Settings.Longest, target.Begin, target.End).Find(sentences, (words, parents) =>
        {
            (var features_1RH, state_1RH, _) = network.Decode(Bring(tensor(words)).unsqueeze(0), state_1RH.index_select(1, Bring(tensor(parents))), each);
            state_1RH.MoveToOuterDisposeScope();
            var logits_RV = network.Output.call(features_1RH.squeeze(0)).to(float32);
            // Nobody wants to read the unknown word.
            logits_RV.narrow(1, SentenceLanguage.Unknown, 1).fill_(float.NegativeInfinity);
            return logits_RV.log_softmax(1);
        });
    }

    private int[] Read(string input)
    {
        var sentence = source.Encode(input);
        return sentence.Any(word => word != SentenceLanguage.Unknown) ? sentence : throw new UnanswerableInputException(
            $"'{input}' has no word that the model knows. Give a sentence of the language that it was trained to translate.");
    }

    private IReadOnlyList<Prediction> Answer(int[][] sentences)
    {
        var encoded = network.Encode(Bring(SourceBatch.Of(sentences, source)));
        var translations = Translate(encoded);
        var length = translations.Max(translation => translation.Length) + 1;
        var words_BT = Bring(tensor([.. translations.SelectMany(translation => translation.Prepend(target.Begin).Concat(Enumerable.Repeat(target.End, length - 1 - translation.Length)).Select(word => (long)word))], sentences.Length, length));
        var (_, _, looks_BTS) = network.Decode(words_BT.t(), encoded.Begin_1BH, encoded);
        return [.. translations.Select((translation, b) => new Prediction(target.Decode(translation), [], looks_BTS is null ? null : Picture(looks_BTS[b], translation.Length + 1, sentences[b].Length)))];
    }

    /// <summary>The words of the translation one below the other, and its end; those of the sentence side by side.</summary>
    private static byte[] Picture(Tensor looks_TS, int rows, int columns) =>
        HeatMap.ToPng(looks_TS.narrow(0, 0, rows).narrow(1, 0, columns).Values<float>(), columns);
}

public sealed record Seq2SeqSettings : NetworkSettings
{
    public Seq2SeqSettings() => (LearningRate, Clip) = (3e-3, 5);

    [Setting("how the decoder looks at the words it translates", Choices = ["luong", "none"])]
    public string Attention { get; init; } = "luong";

    [Setting("how attention scores a word", Choices = ["general", "dot", "concat"])]
    public string Score { get; init; } = "general";

    [Setting("length of a word's vector", Min = 1, Max = 1 << 14)]
    public int Embedding { get; init; } = 200;

    [Setting("hidden units of the decoder, and of each direction of the encoder", Min = 1, Max = 1 << 14)]
    public int Hidden { get; init; } = 200;

    [Setting("share of the values dropped after the embeddings and before the output", Min = 0, Max = 0.99)]
    public double Dropout { get; init; } = 0.2;

    [Setting("share of the words at which the decoder is given the true word before, instead of its own", Min = 0, Max = 1)]
    public double TeacherForcing { get; init; } = 1;

    [Setting("beginnings of a translation that are followed at once; 1: always the likeliest word", Min = 1, Max = 64)]
    public int Beam { get; init; } = 1;

    [Setting("held-out sentences that a validation translates for BLEU, the first ones; 0: all; -1: none", Min = -1)]
    public int BleuSentences { get; init; }

    [Setting("column of the data to translate from, counted from 1", Min = 1, Max = 1000)]
    public int Source { get; init; } = 1;

    [Setting("column of the data to translate into, counted from 1", Min = 1, Max = 1000)]
    public int Target { get; init; } = 2;

    [Setting("what the words of the source are; auto: characters if most letters are Chinese or Japanese", Choices = ["auto", "words", "characters"])]
    public string SourceTokens { get; init; } = "auto";

    [Setting("what the words of the target are; auto: characters if most letters are Chinese or Japanese", Choices = ["auto", "words", "characters"])]
    public string TargetTokens { get; init; } = "auto";

    [Setting("words that occur less often in the training pairs are unknown", Min = 1, Max = 1 << 20)]
    public int MinCount { get; init; } = 2;

    [Setting("words after which a translation ends; longer training pairs are left out", Min = 1, Max = 1000)]
    public int Longest { get; init; } = 50;
}
