using Granary.Models.Word2Vec;
using Granary.Torch.Data.Texts;
using Granary.Training;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Randomness;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Models;

/// <summary>
/// Word vectors by skip-gram or CBOW, with negative sampling or hierarchical softmax (Mikolov et al., 2013), of whole words or of
/// their n-grams too (Bojanowski et al., 2017). In every step each shard trains its piece of text word after word, on a copy of the vectors that it needs; what it carries into the sum is how they changed. The weights then
/// move by the average of the changes (see <see cref="WordTables"/>). The end of a line is a word like others.
/// </summary>
public sealed class Word2VecTask : ITrainingTask
{
    public string Name => "word2vec";

    public string Summary => "word vectors by skip-gram or CBOW, with negative sampling or a tree, of words or their n-grams, with row-sparse gradients";

    public string DataSet => "text8";

    public IReadOnlyList<string> DataFiles(string data) => TextFiles.Find(Path.GetFullPath(data)).Paths;

    public Type Settings => typeof(Word2VecSettings);

    // The learning rate falls to nearly 0 at the last step.
    public bool EndMatters(TrainingSpec spec) => true;

    public ITrainingReplica CreateReplica(TrainingSpec spec)
    {
        var settings = SettingsOf(spec);
        var corpus = TextCorpus.Load(spec.Data, CorpusOptionsOf(settings));
        if (corpus.Vocabulary.Count < 2)
        {
            throw new TrainingDataException($"'{spec.Data}' has no two words that stand in it {settings.MinCount} times. Lower min-count, or give a longer text.");
        }
        return new Replica(spec, settings, corpus.Vocabulary, corpus.Phrases, () => corpus);
    }

    public IReadOnlyList<Type> Uses => [typeof(IWordVectors)];

    public ITrainingReplica OpenReplica(TrainingSpec spec, Func<string, byte[]> asset)
    {
        var settings = SettingsOf(spec);
        var vocabulary = Vocabulary.FromAssets(asset);
        var phrases = settings.Phrases > 0 ? Phrases.FromAssets(asset) : null;
        return new Replica(spec, settings, vocabulary, phrases, () => TextCorpus.Load(spec.Data, CorpusOptionsOf(settings), vocabulary, phrases));
    }

    private static Word2VecSettings SettingsOf(TrainingSpec spec)
    {
        var settings = TaskSettings.Bind<Word2VecSettings>(spec);
        return settings.MinGram <= settings.MaxGram ? settings : throw new TaskSettingException(
            $"Setting 'min-gram' cannot be '{settings.MinGram}': it must not be larger than 'max-gram', which is '{settings.MaxGram}'.");
    }

    private static CorpusOptions CorpusOptionsOf(Word2VecSettings settings) => new()
    {
        TrainingWords = settings.Words,
        HeldOutWords = 0,
        VocabularySize = settings.VocabularySize,
        MinCount = settings.MinCount,
        Unknown = false,
        PhrasePasses = settings.Phrases,
        PhraseThreshold = settings.PhraseThreshold,
        PhraseDiscount = settings.PhraseDiscount,
    };

    private sealed unsafe class Replica : ITrainingReplica, IWordVectors
    {
        private const int Weight = 0, Pairs = 1, LossSum = 2, ScalarCount = 3;

        // The larger a step, the less its averaging costs; but vectors that are averaged too seldom learn slowly.
        private const int LeastSteps = 10, LargestBatch = 800_000;

        private readonly TrainingSpec spec;
        private readonly Word2VecSettings settings;
        private readonly Lazy<TextCorpus> corpus;
        private readonly WordTables tables;
        private readonly WindowSample sample;
        private readonly WindowKernel kernel;
        private readonly ComposedVectors? composed;
        private readonly WordVectors vectors;
        private readonly Lazy<WordSimilarity> judges;

        public Replica(TrainingSpec spec, Word2VecSettings settings, Vocabulary vocabulary, Phrases? phrases, Func<TextCorpus> load)
        {
            this.spec = spec;
            this.settings = settings;
            corpus = new(load);
            var (counts, dimension) = (vocabulary.Counts, settings.Dimension);
            var subwords = settings.Subwords ? new Subwords(vocabulary.Words, settings.MinGram, settings.MaxGram, settings.Buckets) : null;
            var inputs = subwords?.RowCount ?? counts.Count;
            ITargets targets = settings.Loss == Word2VecSettings.Hierarchical
                ? new PathTargets(new(counts), first: inputs)
                : new NegativeTargets(new([.. counts.Select(count => Math.Pow(count, 0.75))]), counts.Count, settings.Negatives, first: inputs);
            if ((long)inputs * dimension > Array.MaxLength)
            {
                throw new TaskSettingException($"{inputs} vectors of 'dimension' '{dimension}' are more than a table can hold. Lower it, or have fewer vectors by 'buckets' or 'min-count'.");
            }
            tables = new(inputs, targets.Rows, dimension);
            State = new(
                [
                    new("input.weight", [inputs, dimension], StateKind.Model, tables.Input.Pointer),
                    new("output.weight", [targets.Rows, dimension], StateKind.Model, tables.Output.Pointer),
                ],
                phrases is null ? vocabulary.ToAssets() : new Dictionary<string, byte[]>(vocabulary.ToAssets()) { [Phrases.FileName] = phrases.ToAsset() });
            sample = new(new(counts, settings.Sample), targets, inputs, settings.Window, subwords?.Rows);
            kernel = new(dimension, settings.Window, targets.Most, mean: settings.Model == Word2VecSettings.Cbow);
            composed = subwords is null ? null : new(subwords, counts.Count, dimension, tables.Input);
            vectors = composed is null ? new(vocabulary, dimension, () => tables.Input.Span) : new(vocabulary, dimension, composed.OfWords, composed.OfUnknown);
            judges = new(FindJudges);
            var random = new StepRandom(spec.Seed);
            foreach (ref var value in tables.Input.Span)
            {
                value = (random.NextSingle() - 0.5f) / settings.Dimension;
            }
        }

        public IReadOnlyList<string> Phases => ["train"];

        public long StepsPerEpoch => ((long)Text.Length + Batch - 1) / Batch;

        public long TotalSteps => spec.TotalSteps(StepsPerEpoch, defaultEpochs: 5);

        public string Unit => "words";

        public Measure Measure => new("loss", LowerIsBetter: true);

        public ReplicaState State { get; }

        /// <summary>The first rows are the input vectors', those above are the output vectors'.</summary>
        public Frame CreateFrame(int phase) => Frame.Allocate(0, ScalarCount, new SparseRows(WindowKernel.PaddedWidth(settings.Dimension)));

        public void ComputeGradients(Coordinates at, Frame frame)
        {
            frame.Clear();
            var text = TextOf(at);
            var rows = frame.Rows!;
            sample.Draw(text, new(spec.Seed, (ulong)at.Step, (ulong)at.Phase, (ulong)at.Shard));
            sample.Lay(rows);
            tables.CopyTo(rows);
            var (loss, pairs) = kernel.Train(sample, rows, (LearningRate(at.Step), LearningRate(at.Step + 1)));
            tables.TakeChanges(rows, sample.Drawn);
            frame.Scalars[Weight] = text.Length;
            frame.Scalars[Pairs] = pairs;
            frame.Scalars[LossSum] = (float)loss;
        }

        public void Apply(int phase, long step, Frame sum, Metrics metrics)
        {
            var rows = sum.Rows!;
            var loss = sum.Scalars[LossSum] / Math.Max(1, sum.Scalars[Pairs]);
            var isFinite = double.IsFinite(VectorMath.SumOfSquares(rows.Row(0), rows.Values.Length));
            if (!double.IsFinite(loss) || !isFinite)
            {
                throw new NonFiniteException(double.IsFinite(loss) ? "gradient" : "loss", Phases[phase], step);
            }
            tables.Move(rows);
            composed?.Forget();
            metrics[Metrics.Loss] = loss;
            metrics[Metrics.LearningRate] = LearningRate(step);
            metrics[Metrics.Samples] = sum.Scalars[Weight];
            metrics["pairs"] = sum.Scalars[Pairs];
            metrics["rows"] = rows.Count;
        }

        public void StateRestored() => composed?.Forget();

        /// <summary>Measures of similarity as far as their files are there; analogies among the most frequent words.</summary>
        public void Examine(Metrics metrics)
        {
            metrics[Metrics.Loss] = LossOfFreshSample();
            foreach (var (name, value) in vectors.Judge(judges.Value))
            {
                metrics[name] = value;
            }
        }

        public IReadOnlyList<(string Word, double Similarity)> Nearest(string word, int count) => vectors.Nearest([(word, 1)], count);

        public IReadOnlyList<(string Word, double Similarity)> Analogy(string a, string b, string c, int count) => vectors.Nearest([(a, -1), (b, 1), (c, 1)], count);

        public IReadOnlyList<(string Word, float[] Vector)> Frequent(int count) => vectors.Frequent(count);

        public void Export(string path, bool binary) => vectors.Export(path, binary);

        public void Dispose()
        {
            tables.Dispose();
            kernel.Dispose();
        }

        private int[] Text => corpus.Value.Training;

        private int Batch => settings.Batch > 0 ? settings.Batch : Math.Clamp(Text.Length / LeastSteps, 1, LargestBatch);

        /// <summary>Each shard reads a region of its own from front to end, a piece a step: an epoch reads every word once.</summary>
        private ReadOnlySpan<int> TextOf(Coordinates at)
        {
            var region = Slice.Of(Text.Length, at.Shard, spec.Shards);
            var piece = Slice.Of(region.Count, (int)(at.Step % StepsPerEpoch), (int)StepsPerEpoch);
            return Text.AsSpan((int)(region.Start + piece.Start), (int)piece.Count);
        }

        /// <summary>Falls in a straight line, within a step too.</summary>
        private double LearningRate(long step) => settings.LearningRateInForce * Math.Max(1e-4, 1 - (double)step / TotalSteps);

        /// <summary>The loss on text of the first step, with windows and negatives that no step draws.</summary>
        private double LossOfFreshSample()
        {
            double loss = 0, pairs = 0;
            using var frame = CreateFrame(0);
            for (var shard = 0; shard < spec.Shards; shard++)
            {
                ComputeGradients(new(StepsPerEpoch * (TotalSteps / StepsPerEpoch + 1), 0, shard), frame);
                loss += frame.Scalars[LossSum];
                pairs += frame.Scalars[Pairs];
            }
            return loss / Math.Max(1, pairs);
        }

        private WordSimilarity FindJudges()
        {
            if (spec.Data is null)
            {
                return new() { Benchmarks = [new("made-up", MadeUpLanguage.BuiltIn.SimilarPairs(3000))] };
            }
            if (settings.Similarity.Length > 0)
            {
                return WordSimilarity.In(settings.Similarity);
            }
            var data = Path.GetFullPath(spec.Data);
            var folder = Directory.Exists(data) ? data : Path.GetDirectoryName(data)!;
            var shared = EnvironmentVariable.Read(EnvironmentVariable.Data) ?? folder;
            return WordSimilarity.Find([folder, Path.Combine(folder, "..", "embedding"), Path.Combine(shared, "embedding")]);
        }
    }
}
