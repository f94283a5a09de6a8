using System.Collections.Concurrent;
using System.Diagnostics;
using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Grains.Slots;
using Granary.Tests.Fakes;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange.Links;
using Granary.Training.Runs;

namespace Granary.Grains.Tests;

/// <summary>Workers, coordinators and storage come and go; the weights are those of a run that nothing happened to.</summary>
public sealed class RecoveryTests(TestTrainingCluster cluster) : IClassFixture<TestTrainingCluster>
{
    private const int Steps = 1000;
    private static Task<RunStatus>? undisturbed;

    [Theory]
    [InlineData(ExchangeKind.PeerToPeer)]
    [InlineData(ExchangeKind.Coordinator)]
    public async Task Worker_WhoseSiloIsKilled_LeavesTheOthersWhereTheyStandWithoutACheckpoint(ExchangeKind exchange)
    {
        var spec = Spec(3) with { Exchange = exchange };
        var running = await UnderWayAsync(spec);
        var victim = NodesOf(running).First(node => node != running.Coordinator);
        await cluster.Silos.KillSiloAsync(cluster.Silo(victim));
        await EndsLikeUndisturbedAsync(spec);
        await cluster.Silos.StartAdditionalSiloAsync();
        var starts = (await cluster.MessagesAsync(spec)).Where(message => message.StartsWith("Training from step ", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(starts);
        Assert.All(starts, start => Assert.True(long.Parse(start[19..^1]) >= running.Step, $"{start} It had been at step {running.Step}."));
    }

    [Fact]
    public async Task Coordinator_WhoseSiloIsKilled_ComesBackAndTakesTheRoundOver()
    {
        var spec = Spec(2);
        var coordinator = (await UnderWayAsync(spec)).Coordinator;
        await TestTrainingCluster.CallAsync(() => cluster.Silos.Client.GetGrain<IClusterGrain>(0).DrainAsync(coordinator, undo: false));
        var running = await cluster.WaitAsync(spec, status => status is { State: RunState.Running, Slots.Count: 2 } && !NodesOf(status).Contains(coordinator));
        await cluster.Silos.KillSiloAsync(cluster.Silo(running.Coordinator));
        var ended = await EndsLikeUndisturbedAsync(spec);
        await cluster.Silos.StartAdditionalSiloAsync();
        Assert.NotEqual(running.Coordinator, ended.Coordinator);
        Assert.Equal(running.Round, ended.Round);
    }

    [Fact]
    public async Task Silo_OfTheCoordinatorAndAWorker_IsLostWithBothAndTheOthersGoOn()
    {
        using var spans = new SpanRecorder();
        var spec = Spec(5);
        var running = await UnderWayAsync(spec);
        Assert.Contains(running.Coordinator, NodesOf(running));
        await cluster.Silos.KillSiloAsync(cluster.Silo(running.Coordinator));
        var ended = await EndsLikeUndisturbedAsync(spec);
        await cluster.Silos.StartAdditionalSiloAsync();
        Assert.Equal(running.Round + 1, ended.Round);
        AssertOneTrace(spans.Of(spec.RunId), rounds: ended.Round);
    }

    [Fact]
    public async Task Worker_WhoseSiloWasStartedAgain_RefusesARoundThatMeansTheLifeBefore()
    {
        var node = (await NodesAsync())[0];
        var slot = new SlotInfo(node with { Process = Guid.NewGuid() }, 0);
        var spec = Spec(1);
        var plan = new RoundPlan(spec, 1, Guid.NewGuid(), [new(slot, 0, spec.Shards)]);
        var worker = cluster.Silos.Client.GetGrain<IWorkerGrain>(slot.Key);
        var refusal = await Assert.ThrowsAsync<SlotGoneException>(() => worker.PrepareAsync(plan, 0));
        Assert.Equal($"The silo of slot {slot.Key} has been started again.", refusal.Message);
    }

    [Fact]
    public async Task Worker_OfANodeThatHasLeft_IsMissedByItsCallerAndByNoErrorOfTheLog()
    {
        var worker = cluster.Silos.Client.GetGrain<IWorkerGrain>("nobody/0");
        var gone = await Assert.ThrowsAsync<SlotGoneException>(() => worker.ReleaseAsync("run", 1));
        Assert.Equal("No silo of the cluster is node 'nobody' now.", gone.Message);
        Assert.DoesNotContain(cluster.Errors.Lines, line => line.StartsWith("Failed to address message", StringComparison.Ordinal) && line.Contains("nobody", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Coordinator_ThatIsAZombie_IsRefusedByTheWorkers()
    {
        var spec = Spec(1);
        var running = await UnderWayAsync(spec);
        var slot = new SlotInfo((await NodesAsync()).Single(node => node.Name == NodesOf(running).Single()), 0);
        var worker = cluster.Silos.Client.GetGrain<IWorkerGrain>(slot.Key);
        var stale = new RoundPlan(spec, running.Round, Guid.NewGuid(), [new(slot, 0, spec.Shards)]);
        var reply = await TestTrainingCluster.CallAsync(() => worker.PrepareAsync(stale, 0));
        Assert.True(reply.Fenced);
        await TestTrainingCluster.CallAsync(() => worker.StopAsync(spec.RunId, running.Round - 1, checkpoint: true));
        await TestTrainingCluster.CallAsync(() => worker.ReleaseAsync(spec.RunId, running.Round - 1));
        Assert.Equal(1, (await EndsLikeUndisturbedAsync(spec)).Round);
    }

    [Fact]
    public async Task Storage_ThatLosesItsData_IsToldAgainOfARunThatTrainsInPeace_WhichOutlivesItsCoordinator()
    {
        var spec = Spec(2) with { Steps = 100_000_000 };
        var running = await UnderWayAsync(spec);
        cluster.Store.LoseData();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        GrainId[] records = [cluster.Coordinator(spec).GetGrainId(), cluster.Silos.Client.GetGrain<IClusterGrain>(0).GetGrainId()];
        while (!records.All(cluster.Store.Knows))
        {
            await timer.WaitForNextTickAsync(patience.Token);
        }
        await cluster.Silos.KillSiloAsync(cluster.Silo(running.Coordinator));
        await cluster.WaitAsync(spec, status => status.State == RunState.Running && status.Coordinator != running.Coordinator);
        await cluster.Silos.StartAdditionalSiloAsync();
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).CancelAsync("Enough."));
        await cluster.WaitAsync(spec, status => status.State == RunState.Cancelled);
    }

    [Fact]
    public async Task Coordinator_ThatIsAZombie_IsRefusedByStorageAndGivesUp()
    {
        var spec = Spec(2);
        await UnderWayAsync(spec);
        cluster.Store.Touch(cluster.Coordinator(spec).GetGrainId());
        await Record.ExceptionAsync(() => cluster.Coordinator(spec).ScaleAsync(3));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        // The events are those of an activation: the one that accepted the run has gone when this one is.
        while ((await cluster.MessagesAsync(spec)).Contains("Waiting for 2 free slots."))
        {
            patience.Token.ThrowIfCancellationRequested();
        }
        await EndsLikeUndisturbedAsync(spec);
    }

    [Fact]
    public async Task Run_ScaledUpAndDown_GoesOnWithThatManyWorkersFromTheNextStep()
    {
        var spec = Spec(2);
        await UnderWayAsync(spec);
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).ScaleAsync(4));
        await cluster.WaitAsync(spec, status => status is { State: RunState.Running, Slots.Count: 4 });
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).ScaleAsync(1));
        await cluster.WaitAsync(spec, status => status is { State: RunState.Running, Slots.Count: 1 });
        await Assert.ThrowsAsync<SpecException>(() => TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).ScaleAsync(9)));
        await EndsLikeUndisturbedAsync(spec);
    }

    [Fact]
    public async Task Node_ThatIsDrained_IsLeftByItsRunsUntilItIsPutBack()
    {
        var spec = Spec(3);
        var running = await UnderWayAsync(spec);
        var node = NodesOf(running).First();
        var list = cluster.Silos.Client.GetGrain<IClusterGrain>(0);
        await TestTrainingCluster.CallAsync(() => list.DrainAsync(node, undo: false));
        await cluster.WaitAsync(spec, status => status.State == RunState.Running && !NodesOf(status).Contains(node));
        Assert.True((await NodesAsync()).Single(one => one.Name == node).Draining);
        await TestTrainingCluster.CallAsync(() => list.DrainAsync(node, undo: true));
        Assert.Contains("No node is named 'nowhere'. The cluster has: ", (await Assert.ThrowsAsync<UnknownNodeException>(() => TestTrainingCluster.CallAsync(() => list.DrainAsync("nowhere", undo: false)))).Message);
        await EndsLikeUndisturbedAsync(spec);
    }

    [Fact]
    public async Task Run_Paused_GivesItsSlotsBackAndGoesOnFromThereWhenResumed()
    {
        var spec = Spec(4);
        await UnderWayAsync(spec);
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).PauseAsync("Lunch."));
        var paused = await cluster.WaitAsync(spec, status => status.State == RunState.Paused);
        Assert.Equal("Lunch.", paused.Reason);
        Assert.Equal(paused.Step, new CheckpointStore(spec.Output).Latest()!.Manifest.Step);
        Assert.Equal(RunState.Succeeded, (await cluster.RunAsync(cluster.Spec(5))).State);
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).ResumeAsync());
        await EndsLikeUndisturbedAsync(spec);
        Assert.Contains($"Training from step {paused.Step}.", await cluster.MessagesAsync(spec));
    }

    [Fact]
    public async Task Run_CancelledWhileItIsPaused_IsCancelled()
    {
        var spec = Spec(2);
        await UnderWayAsync(spec);
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).PauseAsync("Lunch."));
        await cluster.WaitAsync(spec, status => status.State == RunState.Paused);
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).CancelAsync("No appetite."));
        var ended = await cluster.WaitAsync(spec, status => status.HasEnded);
        Assert.Equal((RunState.Cancelled, "No appetite."), (ended.State, ended.Reason));
    }

    [Fact]
    public async Task Run_PausedWhileItsWorkersChange_StillLeavesACheckpointOfItsStep()
    {
        var spec = Spec(2);
        await UnderWayAsync(spec);
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).ScaleAsync(3));
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).ScaleAsync(1));
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).PauseAsync("Lunch."));
        var paused = await cluster.WaitAsync(spec, status => status.State == RunState.Paused);
        Assert.Equal(paused.Step, new CheckpointStore(spec.Output).Latest()!.Manifest.Step);
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).ResumeAsync());
        await EndsLikeUndisturbedAsync(spec);
    }

    [Fact]
    public async Task Shard_ThatKillsThreeWorkersInARow_IsNotTriedAgain()
    {
        var spec = Spec(2);
        var killed = new ConcurrentDictionary<string, Task>();
        PointsTask.Computing = (at, thread) =>
        {
            if (at is { Step: 5, Shard: 6 } && thread.Name is { } name)
            {
                killed.GetOrAdd(name["slot ".Length..name.LastIndexOf('/')], node => Task.Run(() => cluster.Silos.KillSiloAsync(cluster.Silo(node))));
                throw new ExchangeAbortedException("The process is dead.");
            }
        };
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).SubmitAsync(spec));
        var ended = await cluster.WaitAsync(spec, status => status.HasEnded);
        PointsTask.Computing = null;
        foreach (var kill in killed.Values)
        {
            await kill;
            await cluster.Silos.StartAdditionalSiloAsync();
        }
        Assert.True(killed.Count == 3, $"{killed.Count} killed: {ended.Reason}");
        Assert.Equal(RunState.Failed, ended.State);
        Assert.Contains("workers in a row were lost at step 5", ended.Reason);
        // The tests' silos take more memory than they say they may.
        Assert.Contains("the kernel may have ended it", ended.Reason);
    }

    [Fact]
    public async Task Worker_MuchSlowerThanTheOthers_IsNamedAndGetsFewerShards()
    {
        var spec = Spec(2) with { Steps = 100_000 };
        string? slow = null;
        PointsTask.Computing = (_, thread) =>
        {
            slow ??= thread.Name;
            Thread.Sleep(thread.Name == slow ? 10 : 1);
        };
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).SubmitAsync(spec));
        var spread = await cluster.WaitAsync(spec, status => status is { State: RunState.Running, Round: > 1 });
        var key = slow!["slot ".Length..];
        Assert.Contains(await cluster.MessagesAsync(spec), message => message.StartsWith($"{key} takes ", StringComparison.Ordinal));
        Assert.Contains(spread.Slots, slot => slot.StartsWith(key, StringComparison.Ordinal) && ShardsOf(slot) is 1 or 2);
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).CancelAsync(""));
        await cluster.WaitAsync(spec, status => status.HasEnded);
        PointsTask.Computing = null;
    }

    [Fact]
    public async Task Storage_ThatIsAway_HoldsUpWhatNeedsItAndNothingElse()
    {
        var spec = Spec(2);
        var running = await UnderWayAsync(spec);
        cluster.Store.IsAway = true;
        var further = await cluster.WaitAsync(spec, status => status.Step > running.Step);
        var scaling = TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).ScaleAsync(3));
        await cluster.WaitAsync(spec, status => status.Step > further.Step);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!(await cluster.MessagesAsync(spec)).Any(message => message == "Waits for storage: the run's record cannot be written."))
        {
            patience.Token.ThrowIfCancellationRequested();
        }
        cluster.Store.IsAway = false;
        await scaling;
        await EndsLikeUndisturbedAsync(spec);
    }

    [Fact]
    public async Task Worker_AskedAgain_AnswersAlikeAndKeepsOthersOut()
    {
        var node = (await NodesAsync()).First(node => !node.Draining);
        var spec = cluster.Spec(1);
        var plan = RoundPlanner.Plan(spec, 1, Guid.NewGuid(), [new SlotInfo(node, 0)]);
        var worker = cluster.Silos.Client.GetGrain<IWorkerGrain>(plan.Workers[0].Slot.Key);
        var first = await worker.PrepareAsync(plan, 0);
        var again = await worker.PrepareAsync(plan, 0);
        Assert.Equal((0, 20, false), (again.Step, again.TotalSteps, again.Fenced));
        Assert.Equal(first.Digest, again.Digest);
        Assert.True((await worker.PrepareAsync(plan with { Secret = Guid.NewGuid() }, 0)).Fenced);
        await worker.StartAsync(spec.RunId, 1, new(0, 0, null, []));
        await worker.StartAsync(spec.RunId, 1, new(0, 0, null, []));
        Assert.True((await worker.GetRoundStateAsync(spec.RunId, 1)).Trains);
        await worker.ReleaseAsync(spec.RunId, 1);
    }

    /// <summary>Whoever drove the run, and whatever was lost.</summary>
    private static void AssertOneTrace(List<Activity> spans, long rounds)
    {
        Assert.Single(spans.Select(span => span.TraceId).Distinct());
        Assert.Equal([default], spans.Select(span => span.ParentSpanId).Except(spans.Select(span => span.SpanId)));
        Assert.Equal(Enumerable.Range(1, (int)rounds), spans.Where(span => span.OperationName == "begin round").Select(span => (int)(long)span.GetTagItem("round")!).Order());
        Assert.Single(spans, span => span.OperationName == "train run");
    }

    private RunSpec Spec(int workers) => cluster.Spec(workers, ("watched", "true")) with { Steps = Steps };

    /// <summary>The run comes to no end before <see cref="EndsLikeUndisturbedAsync"/>: its shards take their time.</summary>
    private async Task<RunStatus> UnderWayAsync(RunSpec spec)
    {
        PointsTask.Computing = (_, _) => Thread.Sleep(1);
        await TestTrainingCluster.CallAsync(() => cluster.Coordinator(spec).SubmitAsync(spec));
        return await cluster.WaitAsync(spec, status => status.Step > 10);
    }

    private async Task<RunStatus> EndsLikeUndisturbedAsync(RunSpec spec)
    {
        PointsTask.Computing = null;
        var ended = await cluster.WaitAsync(spec, status => status.HasEnded);
        Assert.Equal((RunState.Succeeded, (await (undisturbed ??= cluster.RunAsync(Spec(1)))).WeightsSha256, Steps), (ended.State, ended.WeightsSha256, ended.Step));
        return ended;
    }

    private Task<List<NodeInfo>> NodesAsync() => TestTrainingCluster.CallAsync(() => cluster.Silos.Client.GetGrain<IClusterGrain>(0).GetNodesAsync());

    private static IEnumerable<string> NodesOf(RunStatus status) => status.Slots.Select(slot => slot[..slot.LastIndexOf('/')]);

    /// <summary>Of a slot and its range such as <c>Silo_0/0 [2, 4)</c>.</summary>
    private static int ShardsOf(string slot)
    {
        var range = slot[(slot.IndexOf('[') + 1)..^1].Split(", ");
        return int.Parse(range[1]) - int.Parse(range[0]);
    }
}
