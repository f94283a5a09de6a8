// B batch, Z latent numbers, P pixels
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Training.Frames;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// A generative adversarial network (Goodfellow et al., 2014), fully connected: a generator makes images out of noise, a
/// discriminator tells them from real ones, and each learns from the other. A step has a phase for each of them, averaged
/// over all shards and applied before the next.
/// </summary>
public sealed class GanTask : ITrainingTask
{
    public string Name => "gan";

    public string Summary => "a generative adversarial network draws digits; data: MNIST's format, or built-in glyphs";

    public string DataSet => "mnist";

    public IReadOnlyList<string> DataFiles(string data) => ImageData.FilesAt(data);

    public Type Settings => typeof(GanSettings);

    public ITrainingReplica CreateReplica(TrainingSpec spec)
    {
        var settings = TaskSettings.Bind<GanSettings>(spec);
        var rounded = Autocast.Resolve(settings.Autocast);
        var data = ImageData.Load(spec.Data);
        return new Replica(spec, settings, ImageSize.Of(data.Train), () => data, rounded);
    }

    public ITrainingReplica OpenReplica(TrainingSpec spec, Func<string, byte[]> asset)
    {
        var size = ImageSize.FromAssets(asset);
        return new Replica(spec, TaskSettings.Bind<GanSettings>(spec), size, Load, rounded: false);

        ImageData Load()
        {
            var data = ImageData.Load(spec.Data);
            return ImageSize.Of(data.HeldOut) == size
                ? data
                : throw new TrainingDataException($"'{spec.Data}' holds images of {ImageSize.Of(data.HeldOut)} pixels, the model knows those of {size}. Give images of that size.");
        }
    }

    private sealed unsafe class Replica : ITrainingReplica, IPictureGenerator
    {
        private const int Discriminate = 0, Generate = 1;
        private const int Weight = 0, Loss = 1, RealScore = 2, FakeScore = 3, ScalarCount = 4;
        private const int SampleCount = 64, Examined = 1000;
        private readonly TrainingSpec spec;
        private readonly GanSettings settings;
        private readonly ImageSize size;
        private readonly Lazy<ImageData> data;
        private readonly Lazy<ShuffledEpochs> epochs;
        private readonly Player generator, discriminator;
        private readonly bool rounded;
        private readonly Generator random = new();

        public Replica(TrainingSpec spec, GanSettings settings, ImageSize size, Func<ImageData> load, bool rounded)
        {
            (this.spec, this.settings, this.size, this.rounded) = (spec, settings, size, rounded);
            data = new(load);
            epochs = new(() => new(data.Value.Train.Count, settings.Batch, spec.Shards, spec.Seed));
            var (pixels, hidden) = (size.Pixels, settings.Hidden);
            generator = new("generator", settings, StepRandom.Mix(spec.Seed, 0), nn.Sequential(
                ("input", nn.Linear(settings.Latent, hidden)),
                ("relu1", nn.LeakyReLU(0.2)),
                ("hidden", nn.Linear(hidden, hidden)),
                ("relu2", nn.LeakyReLU(0.2)),
                ("output", nn.Linear(hidden, pixels)),
                ("tanh", nn.Tanh())));
            discriminator = new("discriminator", settings, StepRandom.Mix(spec.Seed, 1), nn.Sequential(
                ("input", nn.Linear(pixels, hidden)),
                ("relu1", nn.LeakyReLU(0.2)),
                ("hidden", nn.Linear(hidden, hidden)),
                ("relu2", nn.LeakyReLU(0.2)),
                ("output", nn.Linear(hidden, 1))));
            State = new([.. generator.State, .. discriminator.State], size.ToAssets());
            State.Scalars[generator.Updates] = State.Scalars[discriminator.Updates] = 0;
        }

        public IReadOnlyList<string> Phases => ["discriminator", "generator"];

        public long StepsPerEpoch => epochs.Value.StepsPerEpoch;

        public long TotalSteps => spec.TotalSteps(StepsPerEpoch, defaultEpochs: 20);

        public string Unit => "images";

        // Neither player's loss says how good the images are; the generator's at least says how well they deceive.
        public Measure Measure => new("loss.generator", LowerIsBetter: true);

        public ReplicaState State { get; }

        public Frame CreateFrame(int phase) => PlayerOf(phase).CreateFrame(ScalarCount);

        public void ComputeGradients(Coordinates at, Frame frame)
        {
            frame.Clear();
            var chosen = epochs.Value.SamplesOf(at.Step, at.Shard);
            if (chosen.Length == 0)
            {
                return;
            }
            using var scope = NewDisposeScope();
            PlayerOf(at.Phase).LearnInto(frame);
            PlayerOf(1 - at.Phase).StandStill();
            var (loss, fake_B1) = Judge(at, chosen, frame);
            loss.backward();
            frame.Scalars[Weight] = chosen.Length;
            frame.Scalars[Loss] = loss.item<float>();
            frame.Scalars[FakeScore] = Score(fake_B1);
        }

        /// <summary>The forward pass.</summary>
        private (Tensor Loss, Tensor Fake_B1) Judge(Coordinates at, ReadOnlySpan<int> chosen, Frame frame)
        {
            using var autocast = Autocast.Begin(rounded);
            var fake_BP = generator.Play(Noise(chosen.Length, StepRandom.Mix(spec.Seed, (ulong)at.Step, (ulong)at.Phase, (ulong)at.Shard)));
            var fake_B1 = discriminator.Play(fake_BP);
            var loss = Judged(fake_B1, real: at.Phase == Generate);
            if (at.Phase == Discriminate)
            {
                var real_B1 = discriminator.Play(data.Value.Train.ToRows(chosen));
                loss += Judged(real_B1, real: true);
                frame.Scalars[RealScore] = Score(real_B1);
            }
            return (loss, fake_B1);
        }

        public void Apply(int phase, long step, Frame sum, Metrics metrics)
        {
            double weight = sum.Scalars[Weight], loss = sum.Scalars[Loss] / weight;
            if (!double.IsFinite(loss))
            {
                throw new NonFiniteException("loss", Phases[phase], step);
            }
            var norm = PlayerOf(phase).Update(sum, weight, step, State.Scalars);
            metrics[Metrics.Loss] = loss;
            metrics[$"loss.{Phases[phase]}"] = loss;
            metrics[$"gradient.norm.{Phases[phase]}"] = norm;
            metrics[Metrics.LearningRate] = settings.LearningRate;
            metrics[Metrics.Samples] = weight;
            if (phase == Discriminate)
            {
                metrics["score.real"] = sum.Scalars[RealScore] / weight;
                metrics["score.fake"] = sum.Scalars[FakeScore] / weight;
            }
        }

        /// <summary>The players on held-out images and as many generated ones: 0.5 accuracy means that they look alike.</summary>
        public Metrics Evaluate() => Use(() =>
        {
            var heldOut = data.Value.HeldOut;
            int[] chosen = [.. Enumerable.Range(0, Math.Min(Examined, heldOut.Count))];
            var real_B1 = discriminator.Play(heldOut.ToRows(chosen));
            var fake_B1 = discriminator.Play(generator.Play(Noise(chosen.Length, spec.Seed)));
            return new Metrics
            {
                ["validation.loss.discriminator"] = (Judged(real_B1, real: true) + Judged(fake_B1, real: false)).item<float>() / chosen.Length,
                ["validation.loss.generator"] = Judged(fake_B1, real: true).item<float>() / chosen.Length,
                ["validation.accuracy"] = (real_B1.gt(0).sum() + fake_B1.le(0).sum()).item<long>() / (2.0 * chosen.Length),
            };
        });

        public bool SamplesDue(long step) => (step + 1) % (settings.SamplesEvery > 0 ? settings.SamplesEvery : StepsPerEpoch) == 0;

        public void WriteSamples(string folder, long step)
        {
            File.WriteAllBytes(Path.Combine(folder, $"step-{step + 1:D8}.png"), Draw(SampleCount, spec.Seed));
        }

        public byte[] Draw(int count, ulong seed) =>
            Use(() => ImageGrid.ToPng(ImageSet.FromRows(generator.Play(Noise(count, seed)), size.Height, size.Width)));

        public void Dispose()
        {
            generator.Dispose();
            discriminator.Dispose();
            random.Dispose();
        }

        /// <summary>For all but training: both networks in evaluation mode, without gradients; tensors made meanwhile go at the end.</summary>
        private T Use<T>(Func<T> use)
        {
            using var scope = NewDisposeScope();
            using var noGradient = torch.no_grad();
            generator.Rest();
            discriminator.Rest();
            return use();
        }

        private Player PlayerOf(int phase) => phase == Discriminate ? discriminator : generator;

        private Tensor Noise(int count, ulong seed)
        {
            random.manual_seed((long)seed);
            return torch.empty(count, settings.Latent).normal_(0, 1, random);
        }

        /// <summary>The loss of having to say that all of these are real, or that none is; summed.</summary>
        private static Tensor Judged(Tensor logits_B1, bool real) => nn.functional.binary_cross_entropy_with_logits(
            logits_B1.to(float32), torch.full(logits_B1.shape, real ? 1f : 0), reduction: nn.Reduction.Sum);

        /// <summary>The probability of being real, summed.</summary>
        private static float Score(Tensor logits_B1)
        {
            using var noGradient = torch.no_grad();
            return logits_B1.to(float32).sigmoid().sum().item<float>();
        }
    }

    /// <summary>One of the two networks, with an optimizer of its own.</summary>
    private sealed unsafe class Player : IDisposable
    {
        private readonly string name;
        private readonly GanSettings settings;
        private readonly nn.Module<Tensor, Tensor> network;
        private readonly FlatParameters parameters;
        private readonly IOptimizer optimizer;

        public Player(string name, GanSettings settings, ulong seed, nn.Module<Tensor, Tensor> network)
        {
            (this.name, this.settings, this.network) = (name, settings, network);
            Initialization.Default(network, seed);
            parameters = new(network);
            optimizer = new OptimizerChoice(OptimizerChoice.Adam, Beta1: settings.Beta1).Create(parameters.Length);
            State =
            [
                .. parameters.State($"{name}."),
                .. optimizer.Memory.Select(memory => new StateTensor($"{name}.{memory.Name}", [parameters.Length], StateKind.Training, memory.Values.Pointer)),
            ];
        }

        public IReadOnlyList<StateTensor> State { get; }

        /// <summary>The scalar that counts this player's updates.</summary>
        public string Updates => $"{name}.updates";

        public Frame CreateFrame(int scalars) => parameters.CreateFrame(carried: 0, scalars);

        public Tensor Play(Tensor input) => network.call(input);

        /// <summary>From now on gradients of this player are wanted, in this frame.</summary>
        public void LearnInto(Frame frame)
        {
            parameters.Bind(frame);
            Train(gradients: true);
        }

        /// <summary>From now on gradients pass through this player, and it takes none itself.</summary>
        public void StandStill() => Train(gradients: false);

        /// <summary>From now on this player is used, not trained.</summary>
        public void Rest() => network.eval();

        /// <param name="scalars">Of the state; <see cref="Updates"/> goes up by one.</param>
        /// <returns>The norm of the mean gradient.</returns>
        public double Update(Frame sum, double weight, long step, SortedDictionary<string, double> scalars)
        {
            var (norm, scale) = GradientNorm.Clip(sum.Pointer, parameters.Length, weight, double.PositiveInfinity, name, step);
            optimizer.Update(parameters.Values, sum.Pointer, (long)++scalars[Updates], (float)settings.LearningRate, scale);
            return norm;
        }

        public void Dispose()
        {
            parameters.Dispose();
            optimizer.Dispose();
            network.Dispose();
        }

        private void Train(bool gradients)
        {
            network.train();
            foreach (var parameter in network.parameters())
            {
                parameter.requires_grad = gradients;
            }
        }
    }
}

public sealed record GanSettings
{
    [Setting("numbers of noise an image is made of", Min = 1, Max = 1 << 12)]
    public int Latent { get; init; } = 64;

    [Setting("hidden units in each of two layers, of either network", Min = 1, Max = 1 << 14)]
    public int Hidden { get; init; } = 256;

    [Setting("images in a batch", Min = 1, Max = 1 << 16)]
    public int Batch { get; init; } = 100;

    [Setting("Adam's learning rate, of either network", Min = 0, Max = 1)]
    public double LearningRate { get; init; } = 5e-4;

    [Setting("Adam's first decay; above 0.5 the players overshoot each other and the images stay coarse", Min = 0, Max = 0.999)]
    public double Beta1 { get; init; } = 0.5;

    [Setting("what the forward pass rounds products to; bf16 needs a processor that knows it to be faster", Choices = [Torch.Autocast.Off, Torch.Autocast.BFloat16])]
    public string Autocast { get; init; } = Torch.Autocast.Off;

    [Setting("steps between pictures of 64 samples; 0: one at the end of each epoch", Min = 0)]
    public int SamplesEvery { get; init; }
}
