using Granary.Contracts;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;

namespace Granary.Grains.Tests;

public sealed class RunTests(TestTrainingCluster cluster) : IClassFixture<TestTrainingCluster>
{
    [Theory]
    [InlineData(2, ExchangeKind.PeerToPeer)]
    [InlineData(3, ExchangeKind.PeerToPeer)]
    [InlineData(5, ExchangeKind.PeerToPeer)]
    [InlineData(1, ExchangeKind.Coordinator)]
    [InlineData(3, ExchangeKind.Coordinator)]
    public async Task Run_OnAnyNumberOfWorkersThroughEitherExchange_HasTheWeightsOfOneWorker(int workers, ExchangeKind exchange)
    {
        var one = await cluster.RunAsync(cluster.Spec(1));
        var several = await cluster.RunAsync(cluster.Spec(workers) with { Exchange = exchange });
        Assert.Equal(RunState.Succeeded, several.State);
        Assert.NotNull(one.WeightsSha256);
        Assert.Equal(one.WeightsSha256, several.WeightsSha256);
        Assert.Equal(workers, several.Slots.Count);
    }

    [Fact]
    public async Task Run_ThatHasEnded_LeavesAWholeCheckpointAndItsCurve()
    {
        var spec = cluster.Spec(2) with { CheckpointEvery = 7, Keep = 2 };
        var ended = await cluster.RunAsync(spec);
        var newest = new CheckpointStore(spec.Output).Latest(damage => throw damage)!.Manifest;
        Assert.Equal((20, ended.WeightsSha256), (newest.Step, newest.WeightsSha256));
        Assert.Contains(14, new CheckpointStore(spec.Output).Steps());
        Assert.Equal(20, RunHistory.Read(spec.Output).Count());
        Assert.Equal(20 * 13, ended.Units);
    }

    [Fact]
    public async Task Run_ResumedInTheMiddleOfAnEpochOnOtherWorkers_EndsLikeOneNeverStopped()
    {
        var whole = await cluster.RunAsync(cluster.Spec(2));
        var spec = cluster.Spec(3) with { Steps = 13 };
        await cluster.RunAsync(spec);
        var resumed = await cluster.RunAsync(spec with { RunId = spec.RunId + "-resumed", Workers = 2, Steps = 20, Resume = true });
        Assert.Equal(whole.WeightsSha256, resumed.WeightsSha256);
    }

    [Fact]
    public async Task Run_WhoseDirectoryCannotBeWritten_TrainsToTheEndAndWaitsForItsLastCheckpoint()
    {
        var whole = await cluster.RunAsync(cluster.Spec(2));
        var spec = cluster.Spec(2) with { Steps = 10, CheckpointEvery = 5 };
        await cluster.RunAsync(spec);
        var curve = Path.Combine(spec.Output, RunHistory.FileName);
        File.Delete(curve);
        Directory.CreateDirectory(curve);
        Directory.Delete(Path.Combine(spec.Output, "samples"), recursive: true);
        File.WriteAllText(Path.Combine(spec.Output, "samples"), "in the way");
        File.WriteAllText(Path.Combine(spec.Output, "checkpoints", "00000020"), "in the way");
        spec = spec with { RunId = spec.RunId + "-resumed", Steps = 20, Resume = true };
        await cluster.Coordinator(spec).SubmitAsync(spec);
        var waiting = await cluster.WaitAsync(spec, status => status.Reason.StartsWith("The last checkpoint, of step 20, could not be written: ", StringComparison.Ordinal));
        Assert.Equal((RunState.Running, 20), (waiting.State, waiting.Step));
        File.Delete(Path.Combine(spec.Output, "checkpoints", "00000020"));
        var ended = await cluster.WaitAsync(spec, status => status.HasEnded);
        Assert.Equal((RunState.Succeeded, "All steps are made.", whole.WeightsSha256), (ended.State, ended.Reason, ended.WeightsSha256));
        Assert.Equal(20, new CheckpointStore(spec.Output).Latest(damage => throw damage)!.Manifest.Step);
        var messages = (await cluster.Coordinator(spec).GetEventsAsync(0)).Select(entry => entry.Message).ToList();
        Assert.Single(messages, message => message.StartsWith("The learning curve cannot be written: ", StringComparison.Ordinal));
        Assert.Single(messages, message => message.StartsWith("The samples cannot be written: ", StringComparison.Ordinal));
        Assert.Single(messages, message => message.StartsWith("The checkpoint of step 20 could not be written: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_ScaledWhileItWaitsForItsLastCheckpoint_WaitsOnInAnotherRound()
    {
        const string Waits = "The last checkpoint, of step 20, could not be written: ";
        var whole = await cluster.RunAsync(cluster.Spec(2));
        var spec = cluster.Spec(2) with { CheckpointEvery = 15 };
        await cluster.RunAsync(spec with { Steps = 10 });
        File.WriteAllText(Path.Combine(spec.Output, "checkpoints", "00000020"), "in the way");
        spec = spec with { RunId = spec.RunId + "-resumed", Resume = true };
        await cluster.Coordinator(spec).SubmitAsync(spec);
        await cluster.WaitAsync(spec, status => status.Reason.StartsWith(Waits, StringComparison.Ordinal));
        await cluster.Coordinator(spec).ScaleAsync(3);
        await cluster.WaitAsync(spec, status => status.HasEnded || (status.Slots.Count == 3 && status.Reason.StartsWith(Waits, StringComparison.Ordinal)));
        File.Delete(Path.Combine(spec.Output, "checkpoints", "00000020"));
        var ended = await cluster.WaitAsync(spec, status => status.HasEnded);
        Assert.Equal((RunState.Succeeded, "All steps are made.", whole.WeightsSha256), (ended.State, ended.Reason, ended.WeightsSha256));
        Assert.Equal(20, new CheckpointStore(spec.Output).Latest(damage => throw damage)!.Manifest.Step);
    }

    [Fact]
    public async Task Run_ToldToEndWhileItWaitsForItsLastCheckpoint_FailsAndSaysWhatIsMissing()
    {
        var spec = cluster.Spec(2) with { CheckpointEvery = 15 };
        await cluster.RunAsync(spec with { Steps = 10 });
        File.WriteAllText(Path.Combine(spec.Output, "checkpoints", "00000020"), "in the way");
        spec = spec with { RunId = spec.RunId + "-resumed", Resume = true };
        await cluster.Coordinator(spec).SubmitAsync(spec);
        await cluster.WaitAsync(spec, status => status.Reason.StartsWith("The last checkpoint, of step 20, could not be written: ", StringComparison.Ordinal));
        await cluster.Coordinator(spec).CancelAsync("Enough.");
        var ended = await cluster.WaitAsync(spec, status => status.HasEnded);
        Assert.Equal(RunState.Failed, ended.State);
        Assert.Contains("The run was told to end without it.", ended.Reason);
        Assert.Equal(15, new CheckpointStore(spec.Output).Latest(damage => throw damage)!.Manifest.Step);
    }

    [Fact]
    public async Task Run_Cancelled_StopsAtAStepWithACheckpointToGoOnFrom()
    {
        var spec = cluster.Spec(2) with { Steps = 100_000 };
        await cluster.Coordinator(spec).SubmitAsync(spec);
        await cluster.WaitAsync(spec, status => status.Step > 0);
        await cluster.Coordinator(spec).CancelAsync("Enough.");
        var ended = await cluster.WaitAsync(spec, status => status.HasEnded);
        Assert.Equal((RunState.Cancelled, "Enough."), (ended.State, ended.Reason));
        Assert.Equal(ended.Step, new CheckpointStore(spec.Output).Latest()!.Manifest.Step);
    }

    [Theory]
    [InlineData("poisoned-step", "The gradient of phase 'train' at step 5 is not finite: it came from shard 0.")]
    [InlineData("failing-step", "Shard 1 failed in phase 'train' of step 5: Shard 1 broke at step 5.")]
    public async Task Run_WhoseTaskFails_FailsWithTheWeightsOfTheStepBefore(string setting, string message)
    {
        var spec = cluster.Spec(2, (setting, "5")) with { CheckpointEvery = 5 };
        var ended = await cluster.RunAsync(spec);
        Assert.Equal(RunState.Failed, ended.State);
        Assert.Contains(message, ended.Reason);
        Assert.Equal(5, new CheckpointStore(spec.Output).Latest()!.Manifest.Step);
    }

    [Fact]
    public async Task Run_WhoseDataAreMissing_FailsWithTheTasksWords()
    {
        var ended = await cluster.RunAsync(cluster.Spec(2, ("condition", "missing")));
        Assert.Equal((RunState.Failed, "The points are missing. Bring some."), (ended.State, ended.Reason));
    }

    [Fact]
    public async Task Run_IntoAFolderThatIsNotEmpty_IsRefused()
    {
        var spec = cluster.Spec(1);
        Directory.CreateDirectory(spec.Output);
        File.WriteAllText(Path.Combine(spec.Output, "thesis.txt"), "");
        var ended = await cluster.RunAsync(spec);
        Assert.Equal(RunState.Failed, ended.State);
        Assert.Contains("is not empty", ended.Reason);
    }

    [Fact]
    public async Task Run_OfAnotherVersion_WaitsAndSaysWhatTheNodesHave()
    {
        var spec = cluster.Spec(1) with { Versions = new Dictionary<string, string> { ["granary"] = "0.0.1" } };
        await cluster.Coordinator(spec).SubmitAsync(spec);
        var waiting = await cluster.WaitAsync(spec, status => status.Reason.Contains("Not for this run: "));
        Assert.Equal(RunState.Queued, waiting.State);
        Assert.Contains("Silo_0 has granary unknown instead of 0.0.1", waiting.Reason);
        Assert.Equal(RunState.Succeeded, (await cluster.RunAsync(cluster.Spec(5))).State);
        await cluster.Coordinator(spec).CancelAsync("Enough.");
        await cluster.WaitAsync(spec, status => status.HasEnded);
    }

    [Fact]
    public async Task Run_WithoutASayOnCheckpoints_LeavesOneThatAllAgreedOnEveryFewMinutes()
    {
        var spec = cluster.Spec(2) with { Steps = 1_000_000, Settings = new Dictionary<string, string> { ["validate"] = "false" } };
        await cluster.Coordinator(spec).SubmitAsync(spec);
        var running = await cluster.WaitAsync(spec, status => status.Step > 0);
        Assert.Null(running.Checkpoint);
        cluster.Clock.Jump(TimeSpan.FromMinutes(6));
        await cluster.WaitAsync(spec, status => status.Checkpoint is not null);
        await cluster.Coordinator(spec).CancelAsync("Enough.");
        await cluster.WaitAsync(spec, status => status.HasEnded);
        var manifests = new CheckpointStore(spec.Output).Manifests().ToList();
        Assert.Equal(2, manifests.Count);
        Assert.All(manifests, manifest => Assert.Equal((2, 2), (manifest.Agreed, manifest.Replicas)));
    }

    [Fact]
    public async Task Run_ResumedFromCheckpointsThatDoNotFit_FailsAndSaysWhy()
    {
        var spec = cluster.Spec(2, ("size", "500")) with { CheckpointEvery = 7 };
        await cluster.RunAsync(spec);
        var ended = await cluster.RunAsync(spec with { RunId = spec.RunId + "-resumed", Resume = true, Settings = new Dictionary<string, string> { ["size"] = "600" } });
        Assert.Equal(RunState.Failed, ended.State);
        Assert.StartsWith($"No usable checkpoint lies in {spec.Output}. ", ended.Reason);
        Assert.Contains("holds 'weights' as F32 [500], wanted is F32 [600]", ended.Reason);
        Assert.InRange(ended.Round, 1, 6);
    }

    [Fact]
    public async Task Run_ThatCannotFitIntoMemory_FailsBeforeItsFirstStepAndSaysWhatItNeeds()
    {
        var ended = await cluster.RunAsync(cluster.Spec(2, ("size", "1000000")));
        Assert.Equal(RunState.Failed, ended.State);
        Assert.Equal("The run needs at least 26.7 MiB of memory in each slot (model 3.8 MiB + gradients 3.8 MiB + optimizer and carry 7.6 MiB + a copy for checkpoints 11.4 MiB), and this process may have 16 MiB. Give it more, or train a smaller model.", ended.Reason);
    }

    [Fact]
    public async Task Runs_IntoOneDirectory_AreOneRunAndARefusal()
    {
        var first = cluster.Spec(1);
        var second = cluster.Spec(1) with { Output = first.Output };
        await cluster.Coordinator(first).SubmitAsync(first);
        await cluster.Coordinator(second).SubmitAsync(second);
        RunStatus[] ended = [await cluster.WaitAsync(first, status => status.HasEnded), await cluster.WaitAsync(second, status => status.HasEnded)];
        Assert.Single(ended, status => status.State == RunState.Succeeded);
        var refused = Assert.Single(ended, status => status.State == RunState.Failed);
        Assert.Matches("is under way in|is not empty", refused.Reason);
    }

    [Fact]
    public async Task Run_BegunWithOtherSwitches_IsRefusedByName()
    {
        var ended = await cluster.RunAsync(cluster.Spec(1) with { Switches = new Dictionary<string, string> { ["threads"] = "2" } });
        Assert.Equal(RunState.Failed, ended.State);
        Assert.Contains("The run was made with threads=2, here it is 1", ended.Reason);
    }

    [Fact]
    public async Task Runs_WantingMoreSlotsThanThereAre_WaitForOneAnother()
    {
        var first = cluster.Spec(4) with { Steps = 100_000 };
        var second = cluster.Spec(4);
        await cluster.Coordinator(first).SubmitAsync(first);
        await cluster.WaitAsync(first, status => status.Step > 0);
        await cluster.Coordinator(second).SubmitAsync(second);
        Assert.Equal(RunState.Queued, (await cluster.Coordinator(second).GetStatusAsync()).State);
        await cluster.Coordinator(first).CancelAsync("");
        Assert.Equal(RunState.Succeeded, (await cluster.WaitAsync(second, status => status.HasEnded)).State);
    }

    [Fact]
    public async Task Submit_OfAnotherSpecUnderTheSameId_IsAConflict()
    {
        var spec = cluster.Spec(1);
        await cluster.RunAsync(spec);
        Assert.Equal(RunState.Succeeded, (await cluster.Coordinator(spec).SubmitAsync(spec)).State);
        await Assert.ThrowsAsync<RunConflictException>(() => cluster.Coordinator(spec).SubmitAsync(spec with { Seed = 99 }));
        await Assert.ThrowsAsync<RunConflictException>(() => cluster.Coordinator(spec).SubmitAsync(spec with { Settings = new Dictionary<string, string> { ["size"] = "2" } }));
        await Assert.ThrowsAsync<UnknownRunException>(() => cluster.Coordinator(cluster.Spec(1)).GetStatusAsync());
    }

    [Fact]
    public async Task Events_AskedForAfterTheLastSeen_AreOnlyTheNewer()
    {
        var spec = cluster.Spec(1);
        await cluster.RunAsync(spec);
        var all = await cluster.Coordinator(spec).GetEventsAsync(0);
        Assert.Equal(all.Select(entry => entry.Id).Order(), all.Select(entry => entry.Id));
        Assert.Equal(RunState.Succeeded, all[^1].Status.State);
        Assert.Equal(all.Skip(2).Select(entry => entry.Id), (await cluster.Coordinator(spec).GetEventsAsync(all[1].Id)).Select(entry => entry.Id));
    }
}
