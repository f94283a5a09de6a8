using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests;

/// <summary>A learner that does what none may do is found out.</summary>
public class BrokenPromisesTests
{
    [Fact]
    public void Learner_ThatKeepsThemAll_Passes() => TaskPromises.Check<Odd>(Set("nothing"));

    [Theory]
    [InlineData("stands still", "it learns")]
    [InlineData("keeps tensors", "it leaves no tensors behind")]
    [InlineData("is random", "the same seed gives the same weights")]
    [InlineData("knows no seed", "another seed gives other weights")]
    [InlineData("remembers", "stopped and resumed")]
    [InlineData("counts shards", "any number of workers")]
    public void Learner_ThatBreaksOne_IsToldWhich(string sin, string promise) =>
        Assert.Contains(promise, Assert.Throws<BrokenPromiseException>(() => TaskPromises.Check<Odd>(Set(sin))).Message, StringComparison.Ordinal);

    private static Func<TrainingSpec, TrainingSpec> Set(string sin) => spec => spec with
    {
        Settings = new Dictionary<string, string> { ["sin"] = sin, ["learning-rate"] = sin == "stands still" ? "0" : "0.05", ["batch"] = "13" },
    };

    [Learner("odd", "")]
    private sealed class Odd(LearnerContext context) : NetworkLearner<OddSettings, Tensor>(context)
    {
        private readonly List<Tensor> kept = [];
        private readonly HashSet<long> steps = [];
        private readonly HashSet<(long Step, int Shard)> shards = [];

        protected override nn.Module<Tensor, Tensor> Network { get; } = nn.Linear(3, 1);

        protected override Func<IBatches<Tensor>> Training => () => new ShuffledBatches<Tensor>(100, Settings.Batch, Spec, (chosen, _) => ones(chosen.Length, 3) * chosen[0]);

        public override void Initialize(nn.Module network, ulong seed) => base.Initialize(network, Settings.Sin switch
        {
            "is random" => (ulong)Random.Shared.NextInt64(),
            "knows no seed" or "stands still" => 1,
            _ => seed,
        });

        protected override Tensor LossSum(Tensor batch, ShardPass pass)
        {
            pass.Weight += batch.shape[0];
            steps.Add(pass.Step);
            shards.RemoveWhere(seen => seen.Step != pass.Step);
            shards.Add((pass.Step, pass.Shard));
            if (Settings.Sin == "keeps tensors")
            {
                kept.Add(ones(1).DetachFromDisposeScope());
            }
            var factor = Settings.Sin switch
            {
                "remembers" => 1.0 / steps.Count,
                "counts shards" => 1.0 / shards.Count,
                _ => 1,
            };
            return Settings.Sin is "knows no seed" or "stands still"
                ? (Network.call(ones(1, 3)) * factor).square().sum() * batch.shape[0]
                : (Network.call(batch * 0.01) * factor).square().sum();
        }

        public override void Dispose()
        {
            kept.ForEach(tensor => tensor.Dispose());
            base.Dispose();
        }
    }

    private sealed record OddSettings : NetworkSettings
    {
        [Setting("what it does wrong")]
        public string Sin { get; init; } = "";
    }
}
