// B batch, D binary digits, C classes
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Onnx;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// Fizz buzz, learned: from a number's binary digits say whether 3 divides it (fizz), 5 (buzz), both or neither. Trains on
/// 101 to 1023 and is measured on 1 to 100, numbers it has never seen.
/// </summary>
[Learner("fizzbuzz", "fizz buzz from binary digits; trains on 101 to 1023, measured on 1 to 100", Epochs = 200)]
public sealed class FizzBuzz : NetworkLearner<FizzBuzzSettings, Examples>, IPredictor, IOnnxLearner
{
    private const int Digits = 10, Classes = 4, FirstTrained = 101, Trained = (1 << Digits) - FirstTrained;
    private const string Accuracy = "accuracy";
    private static readonly string[] says = ["neither", "fizz", "buzz", "fizz buzz"];

    public FizzBuzz(LearnerContext context) : base(context) => Network = nn.Sequential(
        ("input", nn.Linear(Digits, Settings.Hidden)),
        ("relu", nn.ReLU()),
        ("output", nn.Linear(Settings.Hidden, Classes)));

    public override string Unit => "numbers";

    public InputKind Takes => InputKind.Text;

    public override Measure Measure => new("validation.accuracy", LowerIsBetter: false, Occasional: true);

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<string> inputs) =>
        Use(() => Answers.Of(Network.call(Bring(Questions([.. inputs.Select(Number)], 0).Inputs)), says));

    /// <summary>Of each digit, the lowest first, 1 if it is set and else -1.</summary>
    public void Describe(OnnxGraph graph) => graph.Output("logits", graph.Add(Network, graph.Input("digits", "batch", Digits)), "batch", Classes);

    protected override nn.Module<Tensor, Tensor> Network { get; }

    protected override Func<IBatches<Examples>> Training =>
        () => new ShuffledBatches<Examples>(Trained, Settings.Batch, Spec, (samples, _) => Questions(samples, FirstTrained));

    protected override Func<IBatches<Examples>> Validation =>
        () => new OrderedBatches<Examples>(FirstTrained - 1, Settings.Batch, Spec, samples => Questions(samples, 1));

    protected override IReadOnlyList<string> Judged => [Loss, Accuracy];

    protected override Tensor LossSum(Examples batch, ShardPass pass) => LossOf(Network.call(batch.Inputs), batch, pass);

    protected override void Judge(Examples batch, ShardPass pass)
    {
        var logits_BC = Network.call(batch.Inputs);
        pass.Add(Loss, LossOf(logits_BC, batch, pass));
        pass.Add(Accuracy, logits_BC.argmax(1).eq(batch.Targets).sum());
    }

    private static Tensor LossOf(Tensor logits_BC, Examples batch, ShardPass pass)
    {
        pass.Weight += batch.Targets.numel();
        return nn.functional.cross_entropy(logits_BC, batch.Targets, reduction: nn.Reduction.Sum);
    }

    private static int Number(string input) => int.TryParse(input, out var number) && number is >= 0 and < 1 << Digits
        ? number
        : throw new UnanswerableInputException($"'{input}' is no number that has {Digits} binary digits: give one from 0 to {(1 << Digits) - 1}.");

    private static Examples Questions(int[] samples, int first)
    {
        int[] numbers = [.. samples.Select(sample => first + sample)];
        // +-1 rather than 0 and 1: a digit that is not set says as much as one that is.
        var digits_BD = tensor([.. from number in numbers from digit in Enumerable.Range(0, Digits) select (number >> digit & 1) == 1 ? 1f : -1f], [numbers.Length, Digits]);
        // As in what it says.
        return new(digits_BD, tensor([.. from number in numbers select (number % 3 == 0 ? 1L : 0) + (number % 5 == 0 ? 2 : 0)]));
    }
}

public sealed record FizzBuzzSettings : NetworkSettings
{
    public FizzBuzzSettings() => (LearningRate, Batch, ValidateEvery) = (3e-3, 128, 80);

    [Setting("hidden units; with a few hundred some of the unseen numbers are missed", Min = 1, Max = 1 << 16)]
    public int Hidden { get; init; } = 1000;
}
