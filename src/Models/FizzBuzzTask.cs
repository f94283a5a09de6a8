// B batch, D binary digits, C classes
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// Fizz buzz, learned: from a number's binary digits say whether 3 divides it (fizz), 5 (buzz), both or neither. Trains on
/// 101 to 1023 and is measured on 1 to 100, numbers it has never seen.
/// </summary>
public sealed class FizzBuzzTask : ITrainingTask
{
    private const int Digits = 10, Classes = 4, FirstTrained = 101, Trained = (1 << Digits) - FirstTrained;

    public string Name => "fizzbuzz";

    public string Summary => "fizz buzz from binary digits; trains on 101 to 1023, measured on 1 to 100";

    public Type Settings => typeof(FizzBuzzSettings);

    public bool EndMatters(TrainingSpec spec) => Schedule.DependsOnEnd(TaskSettings.Bind<FizzBuzzSettings>(spec).Schedule);

    public ITrainingReplica CreateReplica(TrainingSpec spec)
    {
        var settings = TaskSettings.Bind<FizzBuzzSettings>(spec);
        return new Replica(spec, settings, new(settings.Hidden, spec.Seed));
    }

    // +-1 rather than 0 and 1: a digit that is not set says as much as one that is.
    private static Tensor DigitsOf(int[] numbers) => torch.tensor(
        [.. from number in numbers from digit in Enumerable.Range(0, Digits) select (number >> digit & 1) == 1 ? 1f : -1f],
        [numbers.Length, Digits]);

    /// <summary>0 neither, 1 fizz, 2 buzz, 3 fizz buzz.</summary>
    private static Tensor ClassesOf(int[] numbers) => torch.tensor(
        [.. from number in numbers select (number % 3 == 0 ? 1L : 0) + (number % 5 == 0 ? 2 : 0)]);

    private sealed class Network : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> layers;

        public Network(int hidden, ulong seed) : base("fizzbuzz")
        {
            layers = nn.Sequential(
                ("input", nn.Linear(Digits, hidden)),
                ("relu", nn.ReLU()),
                ("output", nn.Linear(hidden, Classes)));
            RegisterComponents();
            Initialization.Default(this, seed);
        }

        public override Tensor forward(Tensor digits_BD) => layers.call(digits_BD);
    }

    private sealed class Replica(TrainingSpec spec, FizzBuzzSettings settings, Network network) : NetworkReplica(spec, network, settings)
    {
        private readonly ShuffledEpochs epochs = new(Trained, settings.Batch, spec.Shards, spec.Seed);

        public override long StepsPerEpoch => epochs.StepsPerEpoch;

        public override long TotalSteps => Spec.TotalSteps(StepsPerEpoch, defaultEpochs: 200);

        public override string Unit => "numbers";

        public override Measure Measure => new("accuracy", LowerIsBetter: false);

        protected override (Tensor LossSum, double Weight) Loss(Coordinates at, LaneRandom random, ReadOnlySpan<float> carry, Span<float> carryNext)
        {
            int[] numbers = [.. from sample in epochs.SamplesOf(at.Step, at.Shard) select FirstTrained + sample];
            var logits_BC = network.call(DigitsOf(numbers));
            return (nn.functional.cross_entropy(logits_BC, ClassesOf(numbers), reduction: nn.Reduction.Sum), numbers.Length);
        }

        protected override Metrics Examine()
        {
            int[] unseen = [.. Enumerable.Range(1, FirstTrained - 1)];
            var answers_B = network.call(DigitsOf(unseen)).argmax(1);
            return new() { ["accuracy"] = answers_B.eq(ClassesOf(unseen)).sum().item<long>() / (double)unseen.Length };
        }
    }
}

public sealed record FizzBuzzSettings : NetworkSettings
{
    public FizzBuzzSettings() => LearningRate = 3e-3;

    [Setting("numbers in a batch", Min = 1, Max = 923)]
    public int Batch { get; init; } = 128;

    [Setting("hidden units; with a few hundred some of the unseen numbers are missed", Min = 1, Max = 1 << 16)]
    public int Hidden { get; init; } = 1000;
}
