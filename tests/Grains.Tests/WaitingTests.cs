using Granary.Contracts;
using Granary.Tests.Fakes;
using Granary.Training.Runs;

namespace Granary.Grains.Tests;

/// <summary>Whoever is waited for, and does not come, is named, and holds up nobody who has given up the run.</summary>
[Collection(nameof(PointsTask.Stuck))]
public sealed class WaitingTests : IClassFixture<TestTrainingCluster>, IDisposable
{
    private readonly TestTrainingCluster cluster;

    public WaitingTests(TestTrainingCluster cluster)
    {
        this.cluster = cluster;
        PointsTask.Stuck.Reset();
    }

    public void Dispose() => PointsTask.Stuck.Set();

    [Fact]
    public async Task Run_WhoseDataCannotBeRead_SaysWhoReadsThemAndEndsWhenTold()
    {
        var spec = cluster.Spec(2, ("condition", "stuck"));
        await cluster.Coordinator(spec).SubmitAsync(spec);
        await AsTimeGoesByAsync(spec, status => status.Reason.EndsWith(" s now.", StringComparison.Ordinal));
        Assert.Contains(await cluster.MessagesAsync(spec), message => message.StartsWith("Waits for Silo_", StringComparison.Ordinal) && message.Contains(" to read the data and build the model, for ", StringComparison.Ordinal));
        await cluster.Coordinator(spec).CancelAsync("Enough.");
        var ended = await AsTimeGoesByAsync(spec, status => status.HasEnded);
        Assert.Equal((RunState.Cancelled, "Enough."), (ended.State, ended.Reason));
    }

    [Fact]
    public async Task Run_WhoseStepDoesNotEnd_SaysSoAndEndsWithoutItWhenToldTo()
    {
        var spec = cluster.Spec(2, ("stuck-step", "5"));
        await cluster.Coordinator(spec).SubmitAsync(spec);
        await HearAsync(spec, message => message.StartsWith("No step has ended for ", StringComparison.Ordinal));
        await cluster.Coordinator(spec).CancelAsync("Enough.");
        await HearAsync(spec, message => message.Contains($"To end without: granary cancel {spec.RunId} --now", StringComparison.Ordinal));
        Assert.Single(await cluster.MessagesAsync(spec), message => message.StartsWith("Waits for the workers to end their step", StringComparison.Ordinal));
        await cluster.Coordinator(spec).CancelAsync("Enough!", now: true);
        var ended = await AsTimeGoesByAsync(spec, status => status.HasEnded);
        Assert.Equal((RunState.Cancelled, "Enough! It ended at once, without a checkpoint."), (ended.State, ended.Reason));
    }

    private async Task HearAsync(RunSpec spec, Predicate<string> message)
    {
        while (!(await cluster.MessagesAsync(spec)).Exists(message))
        {
            cluster.Clock.Jump(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }
    }

    private Task<RunStatus> AsTimeGoesByAsync(RunSpec spec, Func<RunStatus, bool> condition) => cluster.WaitAsync(spec, status =>
    {
        cluster.Clock.Jump(TimeSpan.FromSeconds(1));
        return condition(status);
    });
}
