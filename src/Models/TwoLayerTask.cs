// B batch, I inputs, O outputs
using Granary.Torch;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>The smallest honest task: a two-layer network learns a fixed batch of random points by heart. Copy it.</summary>
public sealed class TwoLayerTask : ITrainingTask
{
    public string Name => "two-layer";

    public string Summary => "a two-layer network learns random points by heart; the smallest example";

    public Type Settings => typeof(TwoLayerSettings);

    public bool EndMatters(TrainingSpec spec) => Schedule.DependsOnEnd(TaskSettings.Bind<TwoLayerSettings>(spec).Schedule);

    public ITrainingReplica CreateReplica(TrainingSpec spec)
    {
        var settings = TaskSettings.Bind<TwoLayerSettings>(spec);
        return new Replica(spec, settings, new(settings, spec.Seed));
    }

    private sealed class Network : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> layers;

        public Network(TwoLayerSettings settings, ulong seed) : base("two-layer")
        {
            layers = nn.Sequential(
                ("input", nn.Linear(settings.Inputs, settings.Hidden)),
                ("relu", nn.ReLU()),
                ("output", nn.Linear(settings.Hidden, settings.Outputs)));
            RegisterComponents();
            Initialization.Default(this, seed);
        }

        public override Tensor forward(Tensor input_BI) => layers.call(input_BI);
    }

    private sealed class Replica : NetworkReplica
    {
        private readonly TwoLayerSettings settings;
        private readonly Network network;
        private readonly Tensor inputs_BI;
        private readonly Tensor targets_BO;

        public Replica(TrainingSpec spec, TwoLayerSettings settings, Network network) : base(spec, network, settings)
        {
            this.settings = settings;
            this.network = network;
            var random = new StepRandom(spec.Seed, 1);
            inputs_BI = torch.empty(settings.Batch, settings.Inputs);
            targets_BO = torch.empty(settings.Batch, settings.Outputs);
            Initialization.Normal(inputs_BI, 0, 1, ref random);
            Initialization.Normal(targets_BO, 0, 1, ref random);
        }

        public override long StepsPerEpoch => 1;

        public override long TotalSteps => Spec.TotalSteps(StepsPerEpoch, defaultEpochs: 500);

        public override string Unit => "samples";

        protected override (Tensor LossSum, double Weight) Loss(Coordinates at, LaneRandom random, ReadOnlySpan<float> carry, Span<float> carryNext)
        {
            var rows = Slice.Of(settings.Batch, at.Shard, Spec.Shards);
            var output_BO = network.call(inputs_BI.narrow(0, rows.Start, rows.Count));
            return (nn.functional.mse_loss(output_BO, targets_BO.narrow(0, rows.Start, rows.Count), nn.Reduction.Sum), rows.Count);
        }

        protected override Metrics Examine() =>
            new() { ["loss"] = nn.functional.mse_loss(network.call(inputs_BI), targets_BO, nn.Reduction.Sum).item<float>() / settings.Batch };

        public override void Dispose()
        {
            inputs_BI.Dispose();
            targets_BO.Dispose();
            base.Dispose();
        }
    }
}

public sealed record TwoLayerSettings : NetworkSettings
{
    [Setting("samples in the batch, the same in every step", Min = 1, Max = 1 << 20)]
    public int Batch { get; init; } = 64;

    [Setting("input features", Min = 1, Max = 1 << 16)]
    public int Inputs { get; init; } = 1000;

    [Setting("hidden units", Min = 1, Max = 1 << 16)]
    public int Hidden { get; init; } = 100;

    [Setting("output features", Min = 1, Max = 1 << 16)]
    public int Outputs { get; init; } = 10;
}
