using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Training.Checkpoints;
using Granary.Training.Loop;

namespace Granary.Grains.Tests;

/// <summary>A replica that a machine has altered never wins.</summary>
public sealed class DisagreementTests(TestTrainingCluster cluster) : IClassFixture<TestTrainingCluster>
{
    [Theory]
    [InlineData(3, 2)]
    [InlineData(2, 2)]
    [InlineData(3, float.PositiveInfinity)]
    public async Task Replica_ThatIsAltered_IsNoticedAndLeavesNoTrace(int workers, float factor)
    {
        var whole = await cluster.RunAsync(cluster.Spec(1));
        var spec = cluster.Spec(workers) with { VerifyEvery = 4, CheckpointEvery = 5 };
        cluster.Gate.Plan(spec.RunId, worker: 1, step: 12, factor);
        var ended = await cluster.RunAsync(spec);
        Assert.Equal((RunState.Succeeded, whole.WeightsSha256), (ended.State, ended.WeightsSha256));
        var messages = await cluster.MessagesAsync(spec);
        Assert.Single(messages, message => message.StartsWith("The workers' states differ at step ", StringComparison.Ordinal) && message.EndsWith("All go back to the last checkpoint that they agreed on.", StringComparison.Ordinal));
        Assert.Contains(messages, message => message == "Training from step 10.");
        Assert.All(new CheckpointStore(spec.Output).Manifests(), manifest => Assert.Equal((workers, workers), (manifest.Agreed, manifest.Replicas)));
    }

    [Fact]
    public async Task Replica_ThatIsAlteredBeforeTheFirstCheckpoint_BeginsAnew()
    {
        var whole = await cluster.RunAsync(cluster.Spec(1));
        var spec = cluster.Spec(2) with { VerifyEvery = 1 };
        cluster.Gate.Plan(spec.RunId, worker: 0, step: 1);
        var ended = await cluster.RunAsync(spec);
        Assert.Equal((RunState.Succeeded, whole.WeightsSha256), (ended.State, ended.WeightsSha256));
    }

    [Fact]
    public async Task Replica_ThatIsAlteredAgainAndAgain_EndsTheRunAndIsNamed()
    {
        var spec = cluster.Spec(3) with { VerifyEvery = 2, CheckpointEvery = 5 };
        for (var time = 0; time < DisagreementRule.Times; time++)
        {
            // Each time the step is made again, by three workers more.
            cluster.Gate.Plan(spec.RunId, worker: 3 * time, step: 12);
        }
        var ended = await cluster.RunAsync(spec);
        Assert.Equal(RunState.Failed, ended.State);
        Assert.Contains("from the other 2", ended.Reason);
        Assert.Contains("take that machine out of use", ended.Reason);
        Assert.Equal(10, new CheckpointStore(spec.Output).Latest()!.Manifest.Step);
    }

    [Fact]
    public void States_OfWorkersThatStandBehind_AreNotCompared()
    {
        PrepareReply[] replies = [new() { Step = 7, Digest = 1 }, new() { Step = 6, Digest = 2 }, new() { Step = 7, Digest = 1 }];
        Assert.Null(DisagreementRule.Find(replies, new Position(7)));
        Assert.Equal([1], DisagreementRule.Find([replies[0], replies[1] with { Step = 7 }, replies[2]], new Position(7)));
        Assert.Equal([], DisagreementRule.Find([replies[0], replies[1] with { Step = 7 }], new Position(7)));
        Assert.Equal([], DisagreementRule.Find([replies[0], new() { Differs = true }], new Position(7)));
    }
}
