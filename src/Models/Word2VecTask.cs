using System.Runtime.Intrinsics;
using Granary.Models.Data;
using Granary.Models.Word2Vec;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Randomness;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Models;

/// <summary>
/// Word vectors by skip-gram with negative sampling (Mikolov et al., 2013), in synchronous batches: every pair of a step
/// sees the vectors as they were before it, and the sum of all gradients moves them. The sum of a frequent word would shoot
/// past its goal, so each row's step is damped by its curvature, as an implicit step is; a rare word's is hardly. The end of
/// a line is a word like others.
/// </summary>
public sealed class Word2VecTask : ITrainingTask
{
    public string Name => "word2vec";

    public string Summary => "word vectors by skip-gram with negative sampling, with row-sparse gradients";

    public string DataSet => "text8";

    public Type Settings => typeof(Word2VecSettings);

    public ITrainingReplica CreateReplica(TrainingSpec spec)
    {
        var settings = TaskSettings.Bind<Word2VecSettings>(spec);
        var corpus = TextCorpus.Load(spec.Data, new() { HeldOutWords = 0, VocabularySize = settings.VocabularySize, MinCount = settings.MinCount, Unknown = false });
        if (corpus.Vocabulary.Count < 2)
        {
            throw new TrainingDataException($"'{spec.Data}' has no two words that stand in it {settings.MinCount} times. Lower min-count, or give a longer text.");
        }
        return new Replica(spec, settings, corpus);
    }

    private sealed unsafe class Replica : ITrainingReplica, IWordVectors
    {
        private const int Weight = 0, Pairs = 1, LossSum = 2, ScalarCount = 3;

        private const int FrequentWords = 30_000;
        private readonly TrainingSpec spec;
        private readonly Word2VecSettings settings;
        private readonly TextCorpus corpus;
        private readonly int vocabulary;
        private readonly NativeFloats input, output;
        private readonly SkipGramSample sample;
        private readonly SkipGramKernel kernel;
        private readonly WordVectors vectors;
        private readonly Lazy<WordSimilarity> judges;

        public Replica(TrainingSpec spec, Word2VecSettings settings, TextCorpus corpus)
        {
            this.spec = spec;
            this.settings = settings;
            this.corpus = corpus;
            vocabulary = corpus.Vocabulary.Count;
            StepsPerEpoch = (corpus.Training.Length + settings.Batch - 1) / settings.Batch;
            TotalSteps = spec.TotalSteps(StepsPerEpoch, defaultEpochs: 5);
            input = new(vocabulary * settings.Dimension);
            output = new(vocabulary * settings.Dimension);
            State = new([
                new("input.weight", [vocabulary, settings.Dimension], StateKind.Model, input.Pointer),
                new("output.weight", [vocabulary, settings.Dimension], StateKind.Model, output.Pointer)]);
            var counts = corpus.Vocabulary.Counts;
            sample = new(new(counts, settings.Sample), new([.. counts.Select(count => Math.Pow(count, 0.75))]), vocabulary, settings.Window, settings.Negatives);
            kernel = new(settings.Dimension, settings.Window, settings.Negatives);
            vectors = new(corpus.Vocabulary, settings.Dimension, () => input.Span);
            judges = new(FindJudges);
            var random = new StepRandom(spec.Seed);
            foreach (ref var value in input.Span)
            {
                value = (random.NextSingle() - 0.5f) / settings.Dimension;
            }
        }

        public IReadOnlyList<string> Phases => ["train"];

        public long StepsPerEpoch { get; }

        public long TotalSteps { get; }

        public string Unit => "words";

        public Measure Measure => new("loss", LowerIsBetter: true);

        public ReplicaState State { get; }

        /// <summary>Rows below the vocabulary's size are input vectors, those above are output vectors.</summary>
        public Frame CreateFrame(int phase) => Frame.Allocate(0, ScalarCount, new SparseRows(SkipGramKernel.PaddedWidth(settings.Dimension)));

        public void ComputeGradients(Coordinates at, Frame frame)
        {
            frame.Clear();
            var text = TextOf(at);
            var random = new StepRandom(spec.Seed, (ulong)at.Step, (ulong)at.Phase, (ulong)at.Shard);
            var t0 = System.Diagnostics.Stopwatch.GetTimestamp();
            sample.Draw(text, random);
            var rows = frame.Rows!;
            sample.Lay(rows);
            var t1 = System.Diagnostics.Stopwatch.GetTimestamp();
            for (var i = 0; i < rows.Count; i++)
            {
                new ReadOnlySpan<float>(Vector(rows.Numbers[i]), settings.Dimension).CopyTo(new(rows.Row(i), settings.Dimension));
                new Span<float>(rows.Row(i) + settings.Dimension, rows.Width - settings.Dimension).Clear();
            }
            var t2 = System.Diagnostics.Stopwatch.GetTimestamp();
            var (loss, pairs) = kernel.Train(sample, rows, (Rate(at.Step), Rate(at.Step + 1)));
            var t3 = System.Diagnostics.Stopwatch.GetTimestamp();
            for (var i = 0; i < rows.Count; i++)
            {
                var row = rows.Row(i);
                var n = sample.Index.Count(rows.Numbers[i]);
                var (weight, slot) = Rule switch { "sum" => (1f, 0f), "mean" => (1f, 1f), "count" => (1f, 1f), "sqrt" => (1f, 1f), _ => (1 + Damping * n, Damping * n) };
                var from = Vector(rows.Numbers[i]);
                var k = 0;
                for (; k <= settings.Dimension - 8; k += 8)
                {
                    ((System.Runtime.Intrinsics.Vector256.Load(row + k) - System.Runtime.Intrinsics.Vector256.Load(from + k)) * weight).Store(row + k);
                }
                for (; k < settings.Dimension; k++)
                {
                    row[k] = (row[k] - from[k]) * weight + 0f;
                }
                row[settings.Dimension] = slot;
            }
            sample.Index.Clear();
            var t4 = System.Diagnostics.Stopwatch.GetTimestamp();
            Times[0] += t1 - t0; Times[1] += t2 - t1; Times[2] += t3 - t2; Times[3] += t4 - t3;
            frame.Scalars[Weight] = text.Length;
            frame.Scalars[Pairs] = pairs;
            frame.Scalars[LossSum] = (float)loss;
        }

        public static readonly string Rule = Environment.GetEnvironmentVariable("RULE") ?? "damped";
        public static readonly float Damping = float.Parse(Environment.GetEnvironmentVariable("DAMPING") ?? "0.02");
        public static readonly long[] Times = new long[8];

        private double Rate(long step) => settings.LearningRate * Math.Max(1e-4, 1 - (double)step / TotalSteps);

        private float* Vector(int row) => row < vocabulary ? input.Pointer + (long)row * settings.Dimension : output.Pointer + (long)(row - vocabulary) * settings.Dimension;

        public void Apply(int phase, long step, Frame sum, Metrics metrics)
        {
            var rows = sum.Rows!;
            var loss = sum.Scalars[LossSum] / Math.Max(1, sum.Scalars[Pairs]);
            var isFinite = double.IsFinite(VectorMath.SumOfSquares(rows.Row(0), rows.Values.Length));
            if (!double.IsFinite(loss) || !isFinite)
            {
                throw new NonFiniteException(double.IsFinite(loss) ? "gradient" : "loss", Phases[phase], step);
            }
            for (var i = 0; i < rows.Count; i++)
            {
                var slot = rows.Row(i)[settings.Dimension];
                var factor = Rule switch { "sum" => 1, "mean" => 1f / spec.Shards, "count" => 1f / slot, "sqrt" => 1 / MathF.Sqrt(slot), _ => 1 / (1 + slot) };
                VectorMath.AddScaled(Vector(rows.Numbers[i]), rows.Row(i), factor, settings.Dimension);
            }
            metrics[Metrics.Loss] = loss;
            metrics[Metrics.LearningRate] = Rate(step);
            metrics[Metrics.Samples] = sum.Scalars[Weight];
            metrics["pairs"] = sum.Scalars[Pairs];
            metrics["rows"] = rows.Count;
            if (step == TotalSteps - 1) Console.WriteLine($"draw {Times[0]/1e9:F2} copy {Times[1]/1e9:F2} train {Times[2]/1e9:F2} delta {Times[3]/1e9:F2}");
        }

        /// <summary>Measures of similarity as far as their files are there; analogies among the most frequent words.</summary>
        public Metrics Evaluate()
        {
            var metrics = new Metrics { ["loss"] = LossOfFreshSample() };
            foreach (var benchmark in judges.Value.Benchmarks)
            {
                var compared = vectors.Compare(benchmark.Pairs).ToArray();
                if (compared.Length > 1)
                {
                    metrics[$"spearman.{benchmark.Name}"] = WordSimilarity.Spearman([.. compared.Select(pair => pair.Cosine)], [.. compared.Select(pair => pair.Score)]);
                }
            }
            if (judges.Value.Questions.Count > 0 && vectors.Solve(judges.Value.Questions, FrequentWords) is { Questions: > 0 } solved)
            {
                metrics["accuracy.analogies"] = solved.Accuracy;
            }
            return metrics;
        }

        public IReadOnlyList<(string Word, double Similarity)> Nearest(string word, int count) => vectors.Nearest([(word, 1)], count);

        public IReadOnlyList<(string Word, double Similarity)> Analogy(string a, string b, string c, int count) => vectors.Nearest([(a, -1), (b, 1), (c, 1)], count);

        public void Export(string path) => vectors.Export(path);

        public void Dispose()
        {
            input.Dispose();
            output.Dispose();
            kernel.Dispose();
        }

        /// <summary>Each shard reads a region of its own from front to end, a piece a step: an epoch reads every word once.</summary>
        private ReadOnlySpan<int> TextOf(Coordinates at)
        {
            var region = ShardSlice.Of(corpus.Training.Length, at.Shard, spec.Shards);
            var piece = ShardSlice.Of(region.Count, (int)(at.Step % StepsPerEpoch), (int)StepsPerEpoch);
            return corpus.Training.AsSpan(region.Start + piece.Start, piece.Count);
        }

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
                return WordSimilarity.Find([settings.Similarity]);
            }
            var data = Path.GetFullPath(spec.Data);
            var folder = Directory.Exists(data) ? data : Path.GetDirectoryName(data)!;
            return WordSimilarity.Find([folder, Path.Combine(folder, "..", "embedding"), Path.Combine(Environment.GetEnvironmentVariable("GRANARY_DATA") ?? folder, "embedding")]);
        }
    }
}

public sealed record Word2VecSettings
{
    [Setting("numbers in a word's vector", Min = 1, Max = 4096)]
    public int Dimension { get; init; } = 100;

    [Setting("words on each side that a window reaches at most; how far it does is drawn for each word", Min = 1, Max = 100)]
    public int Window { get; init; } = 5;

    [Setting("random words that a word is told apart from, drawn anew for each centre word", Min = 1, Max = 100)]
    public int Negatives { get; init; } = 5;

    [Setting("words that stand less often in the text are left out", Min = 1, Max = 1 << 30)]
    public int MinCount { get; init; } = 5;

    [Setting("most words in the vocabulary; 0: any number", Min = 0, Max = 1 << 30)]
    public int VocabularySize { get; init; }

    [Setting("words more frequent than about this share of the text are dropped now and then; 0: never", Min = 0, Max = 1)]
    public double Sample { get; init; } = 1e-4;

    [Setting("learning rate at the start, for a rare word; falls to nearly 0 in a straight line", Min = 0, Max = 10)]
    public double LearningRate { get; init; } = 0.025;

    [Setting("words of text in a step, those that subsampling drops included", Min = 1, Max = 1 << 26)]
    public int Batch { get; init; } = 20_000;

    [Setting("folder with wordsim353.csv, simlex-999.txt, men.txt, questions-words.txt; default: the data's own, embedding beside it, or embedding in GRANARY_DATA")]
    public string Similarity { get; init; } = "";
}
