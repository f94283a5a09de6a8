using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

/// <summary>What one phase makes for another.</summary>
public class PreparedTests
{
    private const int Judge = 0, Make = 1;
    private static readonly TrainingSpec spec = new() { Task = "pair", Shards = 4, Settings = new Dictionary<string, string> { ["learning-rate"] = "0.05" } };

    [Fact]
    public void Workers_WithUnevenShards_EqualOneWorker()
    {
        using var one = new Lockstep(LearnerTask.Of<Pair>(), spec).Run(5);
        using var three = new Lockstep(LearnerTask.Of<Pair>(), spec, workers: 3).Run(5);
        Assert.Equal(one.Hash, three.Hash);
        Assert.True(((Pair)one.Replica.Model).Made < 4 * 5 + 4, "made once a step and shard, but for the proofs");
    }

    [Fact]
    public void Phase_OnAReplicaThatHasNotPreparedIt_GivesTheSameBits()
    {
        using ITrainingReplica keeper = LearnerTask.Of<Pair>().CreateReplica(spec), newcomer = LearnerTask.Of<Pair>().CreateReplica(spec);
        using var judged = keeper.CreateFrame(Judge);
        using var kept = keeper.CreateFrame(Make);
        using var anew = newcomer.CreateFrame(Make);
        for (var step = 0; step < 3; step++)
        {
            keeper.ComputeGradients(new(step, Judge, Shard: 2), judged);
            keeper.Apply(Judge, step, judged, []);
            newcomer.Apply(Judge, step, judged, []);
            var made = ((Pair)keeper.Model).Made;
            keeper.ComputeGradients(new(step, Make, Shard: 2), kept);
            Assert.Equal(step == 0 ? 1 : 0, ((Pair)keeper.Model).Made - made); // the first one is proved
            newcomer.ComputeGradients(new(step, Make, Shard: 2), anew);
            Assert.Equal(kept.Dense.ToArray(), anew.Dense.ToArray());
            keeper.Apply(Make, step, kept, []);
            newcomer.Apply(Make, step, kept, []);
        }
        Assert.NotEqual(0, kept.Values[0]);
        Assert.Contains(keeper.State.Tensors, tensor => tensor.Name == "maker.norm.running_mean" && tensor.Values[0] != 0);
    }

    [Fact]
    public void Tensors_ThatArePrepared_AreNotLeftBehind()
    {
        using var driver = new Lockstep(LearnerTask.Of<Pair>(), spec).Run(3);
        var live = Lockstep.LiveTensors;
        driver.Run(5);
        Assert.Equal(live, Lockstep.LiveTensors);
    }

    /// <summary>A maker with normalization and dropout, and a judge of what it makes.</summary>
    [Learner("pair", "")]
    private sealed class Pair : Learner<NetworkSettings>
    {
        private readonly nn.Module<Tensor, Tensor> maker =
            nn.Sequential(("in", nn.Linear(3, 8)), ("norm", nn.BatchNorm1d(8)), ("drop", nn.Dropout(0.5)), ("out", nn.Linear(8, 2)));

        private readonly nn.Module<Tensor, Tensor> judge = nn.Sequential(("in", nn.Linear(2, 8)), ("drop", nn.Dropout(0.5)), ("out", nn.Linear(8, 1)));

        public Pair(LearnerContext context) : base(context)
        {
            Networks = [("maker", maker), ("judge", judge)];
            Phases =
            [
                new LearningPhase<int[]>("judge", Settings, [judge], Numbers, (numbers, pass) => Judged(pass.Prepare("made", it => MakeSome(numbers.Length, it)), pass)),
                new LearningPhase<int[]>("make", Settings, [maker], Numbers, (numbers, pass) => -Judged(pass.Prepared("made", it => MakeSome(numbers.Length, it)), pass)),
            ];
        }

        public int Made { get; private set; }

        public override IReadOnlyList<(string Name, nn.Module Module)> Networks { get; }

        public override IReadOnlyList<Phase> Phases { get; }

        private Tensor MakeSome(int count, ShardPass pass)
        {
            Made++;
            return maker.call(pass.Noise(count, 3));
        }

        private Tensor Judged(Tensor made, ShardPass pass)
        {
            pass.Weight += made.shape[0];
            return judge.call(made).sigmoid().sum() + pass.Noise(1)[0] * made.sum();
        }

        private OrderedBatches<int[]> Numbers() => new(19, 19, Spec, numbers => numbers);
    }
}
