// B batch, C classes
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace My_Task1;

/// <summary>Tells by a point's place which of two spirals it belongs to. Its data are made up: put yours in their place.</summary>
[Learner("spirals", "tells apart the points of two spirals", Epochs = 60)]
public sealed class Spirals : NetworkLearner<SpiralsSettings, Examples>
{
    private const int Points = 1000, HeldOut = 200;
    private const string Accuracy = "accuracy";

    public Spirals(LearnerContext context) : base(context) => Network = nn.Sequential(
        ("first", nn.Linear(2, Settings.Hidden)), ("tanh1", nn.Tanh()),
        ("second", nn.Linear(Settings.Hidden, Settings.Hidden)), ("tanh2", nn.Tanh()),
        ("output", nn.Linear(Settings.Hidden, 2)));

    public override string Unit => "points";

    // The best checkpoint goes by it.
    public override Measure Measure => new("validation.accuracy", LowerIsBetter: false, Occasional: true);

    protected override nn.Module<Tensor, Tensor> Network { get; }

    protected override Func<IBatches<Examples>> Training => () => new ShuffledBatches<Examples>(Points, Settings.Batch, Spec, (chosen, _) => Draw(chosen));

    protected override Func<IBatches<Examples>> Validation => () => new OrderedBatches<Examples>(HeldOut, Settings.Batch, Spec, chosen => Draw([.. chosen.Select(point => Points + point)]));

    protected override IReadOnlyList<string> Judged => [Loss, Accuracy];

    // The sum over the samples, not their mean: what the shards give is added up.
    protected override Tensor LossSum(Examples batch, ShardPass pass) => Against(batch.Targets, Network.call(batch.Inputs), pass);

    protected override void Judge(Examples batch, ShardPass pass)
    {
        var logits_BC = Network.call(batch.Inputs);
        pass.Add(Loss, Against(batch.Targets, logits_BC, pass));
        pass.Add(Accuracy, logits_BC.argmax(1).eq(batch.Targets).sum());
    }

    private static Tensor Against(Tensor targets_B, Tensor logits_BC, ShardPass pass)
    {
        pass.Weight += targets_B.numel();
        return nn.functional.cross_entropy(logits_BC, targets_B, reduction: nn.Reduction.Sum);
    }

    // Whoever asks for a point, whenever, gets the same one: it follows from its number alone.
    private static Examples Draw(int[] points)
    {
        var places = new float[2 * points.Length];
        for (var i = 0; i < points.Length; i++)
        {
            var random = new StepRandom((ulong)points[i]);
            var along = random.NextDouble();
            var angle = (1.5 * along + points[i] % 2) * Math.PI;
            places[2 * i] = (float)(along * Math.Cos(angle) + 0.02 * random.NextNormal());
            places[2 * i + 1] = (float)(along * Math.Sin(angle) + 0.02 * random.NextNormal());
        }
        return new(tensor(places, [points.Length, 2]), tensor([.. points.Select(point => (long)(point % 2))]));
    }
}

public sealed record SpiralsSettings : NetworkSettings
{
    public SpiralsSettings() => (LearningRate, Batch, ValidateEvery) = (1e-2, 100, 50);

    [Setting("hidden units of each layer", Min = 1, Max = 1 << 16)]
    public int Hidden { get; init; } = 32;
}
