using Granary.Testing;
using Granary.Torch.Devices;
using Granary.Torch.Networks;
using Granary.Torch;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

/// <summary>Modules as libtorch has them, trained as they are: the same bits on any number of workers, or a refusal.</summary>
public sealed class OrdinaryModulesTests
{
    private const int Features = 6;

    public static TheoryData<string> Fit => [.. networks.Keys];

    private static readonly Dictionary<string, Func<nn.Module<Tensor, Tensor>>> networks = new()
    {
        ["dropout"] = () => nn.Sequential(("in", nn.Linear(Features, 8)), ("drop", nn.Dropout(0.5)), ("out", nn.Linear(8, 1))),
        ["alpha"] = () => nn.Sequential(("in", nn.Linear(Features, 8)), ("selu", nn.SELU()), ("drop", nn.AlphaDropout(0.3)), ("out", nn.Linear(8, 1))),
        ["channels"] = () => nn.Sequential(("in", nn.Unflatten(1, [2, 3])), ("drop", nn.Dropout1d(0.5)), ("flat", nn.Flatten()), ("out", nn.Linear(Features, 1))),
        ["batch norm"] = () => nn.Sequential(("in", nn.Linear(Features, 8)), ("norm", nn.BatchNorm1d(8)), ("out", nn.Linear(8, 1))),
        ["instance norm"] = () => nn.Sequential(("in", nn.Unflatten(1, [2, 3])), ("norm", nn.InstanceNorm1d(2, track_running_stats: true)), ("flat", nn.Flatten()), ("out", nn.Linear(Features, 1))),
        ["mask"] = () => new Masked(),
    };

    [Theory]
    [MemberData(nameof(Fit))]
    public void Network_OfOrdinaryModules_HasTheSameBitsOnAnyNumberOfWorkers(string network)
    {
        using var alone = Driver(networks[network], workers: 1).Run(7);
        using var spread = Driver(networks[network], workers: 3).Run(7);
        Assert.Equal(alone.Hash, spread.Hash);
    }

    [Fact]
    public void Dropout_DropsInTrainingAndOnlyThere()
    {
        using var scope = NewDisposeScope();
        using var network = networks["dropout"]();
        ServedDropout.Attach(network, new PassRandom(HostDevice.Only).Mask);
        var input = ones(3, Features);
        network.train();
        Assert.False(network.call(input).equal(network.call(input)).all().item<bool>());
        network.eval();
        Assert.True(network.call(input).equal(network.call(input)).all().item<bool>());
    }

    [Fact]
    public void Dropout_KeepsTheExpectedValue()
    {
        using var scope = NewDisposeScope();
        using var dropout = nn.Dropout(0.25);
        using var alpha = nn.AlphaDropout(0.25);
        var random = new PassRandom(HostDevice.Only);
        ServedDropout.Attach(dropout, random.Mask);
        ServedDropout.Attach(alpha, random.Mask);
        dropout.train();
        alpha.train();
        Assert.InRange(dropout.call(ones(100_000)).mean().item<float>(), 0.99f, 1.01f);
        using var generator = new Generator(3);
        var normal = empty(100_000).normal_(0, 1, generator);
        var dropped = alpha.call(normal);
        Assert.InRange(dropped.mean().item<float>(), -0.02f, 0.02f);
        Assert.InRange(dropped.std().item<float>(), 0.98f, 1.02f);
    }

    [Fact]
    public void Statistics_OfOneShard_AreThoseThatLibtorchKeeps()
    {
        using var driver = Driver(networks["batch norm"], workers: 1, shards: 1).Run(1);
        using var scope = NewDisposeScope();
        using var network = (Sequential)networks["batch norm"]();
        Initialization.Default(network, seed: 1);
        network.train();
        network.call(Probe.Inputs(step: 0, shard: 0, shards: 1));
        foreach (var (name, kept) in network.named_buffers().Where(entry => entry.buffer.dtype == ScalarType.Float32))
        {
            var ours = driver.Replica.State.Tensors.Single(tensor => tensor.Name == name).Values.ToArray();
            Assert.All(ours.Zip(kept.data<float>().ToArray()), pair => Assert.Equal(pair.Second, pair.First, tolerance: 1e-6f));
            Assert.Contains(ours, value => value is not (0 or 1));
        }
    }

    [Fact]
    public void Buffers_ThatNoShardMoves_StayToTheBit()
    {
        using var driver = Driver(networks["mask"], workers: 2).Run(5);
        Assert.Equal([0.1f, float.NegativeInfinity, 0.3f, 0, 0, 0], driver.Replica.State.Tensors.Single(tensor => tensor.Name == "mask").Values.ToArray());
    }

    [Fact]
    public void Parts_ThatAreFrozen_StayAsTheyAreAndTakeNoPartInTheExchange()
    {
        static nn.Module<Tensor, Tensor> Network() => nn.Sequential(("body", Frozen(networks["batch norm"]())), ("head", nn.Linear(1, 1)));
        using var made = Driver(Network, workers: 1);
        using var trained = Driver(Network, workers: 3).Run(5);
        using var frame = trained.Replica.CreateFrame(0);
        var buffers = 2 * 8;
        Assert.Equal(2 * 16 + buffers, frame.Values.Length);
        foreach (var (before, after) in made.Replica.State.Tensors.Zip(trained.Replica.State.Tensors).Where(pair => pair.First.Kind == StateKind.Model))
        {
            Assert.Equal(before.Name.StartsWith("body", StringComparison.Ordinal), before.Values.SequenceEqual(after.Values));
        }
        Assert.Equal(made.Run(5).Hash, trained.Hash);
    }

    [Fact]
    public void Parts_ThatAreNotRegistered_AreNamed()
    {
        Assert.Contains("Forgetful.hidden holds a module (Linear) that is not registered", Refusal(() => new Forgetful()), StringComparison.Ordinal);
        Assert.Contains("Listing.layers holds a module (Linear) that is not registered", Refusal(() => new Listing()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("forward")]
    [InlineData("functional")]
    [InlineData("rand")]
    public void Network_ThatDrawsFromTheGlobalGenerator_IsRefusedInTheFirstStep(string way)
    {
        using var driver = Driver(() => new Drawing(way), workers: 1);
        Assert.Contains("computed twice, gave two results", Assert.ThrowsAny<Exception>(() => driver.Run(1)).GetBaseException().Message, StringComparison.Ordinal);
    }

    private static nn.Module<Tensor, Tensor> Frozen(nn.Module<Tensor, Tensor> network)
    {
        foreach (var parameter in network.parameters())
        {
            parameter.requires_grad = false;
        }
        return network;
    }

    private static string Refusal(Func<nn.Module<Tensor, Tensor>> network) => Assert.Throws<UnfitNetworkException>(() => Driver(network, workers: 1)).Message;

    private static Lockstep Driver(Func<nn.Module<Tensor, Tensor>> network, int workers, int shards = 4)
    {
        Probe.Make = network;
        return new(LearnerTask.Of<Probe>(), new() { Task = "probe", Shards = shards }, workers);
    }

    [Learner("probe", "")]
    private sealed class Probe(LearnerContext context) : NetworkLearner<NetworkSettings, Tensor>(context)
    {
        private const int Rows = 13;

        [ThreadStatic]
        public static Func<nn.Module<Tensor, Tensor>>? Make;

        protected override nn.Module<Tensor, Tensor> Network { get; } = Make!();

        protected override Func<IBatches<Tensor>> Training => () => new Batches(Spec.Shards);

        public static Tensor Inputs(long step, int shard, int shards)
        {
            using var generator = new Generator((ulong)step * 100 + (ulong)shard);
            return empty(Slice.Of(Rows, shard, shards).Count, Features).normal_(0.5, 1, generator);
        }

        protected override Tensor LossSum(Tensor batch, ShardPass pass)
        {
            pass.Weight += batch.shape[0];
            return Network.call(batch).square().sum();
        }

        private sealed class Batches(int shards) : IBatches<Tensor>
        {
            public long StepsPerEpoch => 100;

            public Tensor? Of(long step, int shard) => Inputs(step, shard, shards);
        }
    }

    private sealed class Masked : nn.Module<Tensor, Tensor>
    {
        private readonly Linear layer = nn.Linear(Features, 1);

        public Masked() : base("masked")
        {
            RegisterComponents();
            register_buffer("mask", tensor([0.1f, float.NegativeInfinity, 0.3f, 0, 0, 0]));
        }

        public override Tensor forward(Tensor input) => layer.call(input + get_buffer("mask")!.exp());
    }

    private sealed class Forgetful : nn.Module<Tensor, Tensor>
    {
        private readonly Linear hidden = nn.Linear(Features, 1);

        public Forgetful() : base("forgetful")
        {
        }

        public override Tensor forward(Tensor input) => hidden.call(input);
    }

    private sealed class Listing : nn.Module<Tensor, Tensor>
    {
        private readonly List<Linear> layers = [nn.Linear(Features, 1)];

        public Listing() : base("listing") => RegisterComponents();

        public override Tensor forward(Tensor input) => layers[0].call(input);
    }

    private sealed class Drawing : nn.Module<Tensor, Tensor>
    {
        private readonly Linear layer = nn.Linear(Features, 1);
        private readonly Dropout dropout = nn.Dropout(0.5);
        private readonly string way;

        public Drawing(string way) : base("drawing")
        {
            this.way = way;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => layer.call(way switch
        {
            "forward" => dropout.forward(input),
            "functional" => nn.functional.dropout(input, 0.5, training: true),
            _ => input * rand(1),
        });
    }
}
