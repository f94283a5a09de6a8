// B batch, I inputs, O outputs
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Networks;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>The smallest honest learner: a two-layer network learns a fixed batch of random points by heart. Copy it.</summary>
[Learner("two-layer", "a two-layer network learns random points by heart; the smallest example", Epochs = 500)]
public sealed class TwoLayer : NetworkLearner<TwoLayerSettings, Examples>
{
    public TwoLayer(LearnerContext context) : base(context) => Network = nn.Sequential(
        ("input", nn.Linear(Settings.Inputs, Settings.Hidden)),
        ("relu", nn.ReLU()),
        ("output", nn.Linear(Settings.Hidden, Settings.Outputs)));

    protected override nn.Module<Tensor, Tensor> Network { get; }

    protected override Func<IBatches<Examples>> Training => () => new FixedBatch(Draw(), Spec);

    protected override Func<IBatches<Examples>> Test => Training; // what is measured is how well they are remembered

    protected override Tensor LossSum(Examples batch, ShardPass pass)
    {
        pass.Weight += batch.Inputs.shape[0];
        return nn.functional.mse_loss(Network.call(batch.Inputs), batch.Targets, nn.Reduction.Sum);
    }

    private Examples Draw()
    {
        var random = new StepRandom(Spec.Seed, 1);
        Tensor inputs_BI = empty(Settings.Batch, Settings.Inputs), targets_BO = empty(Settings.Batch, Settings.Outputs);
        Initialization.Normal(inputs_BI, 0, 1, ref random);
        Initialization.Normal(targets_BO, 0, 1, ref random);
        return new(inputs_BI.DetachFromDisposeScope(), targets_BO.DetachFromDisposeScope());
    }
}

public sealed record TwoLayerSettings : NetworkSettings
{
    [Setting("input features", Min = 1, Max = 1 << 16)]
    public int Inputs { get; init; } = 1000;

    [Setting("hidden units", Min = 1, Max = 1 << 16)]
    public int Hidden { get; init; } = 100;

    [Setting("output features", Min = 1, Max = 1 << 16)]
    public int Outputs { get; init; } = 10;
}
