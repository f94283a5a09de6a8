using System.Diagnostics.Metrics;
using System.Net;
using Granary.Grains.Nodes;
using Granary.Grains.Slots;
using Granary.Tests.Fakes;
using Granary.Training.Runs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Granary.Grains.Tests;

[Collection(nameof(PointsTask.Stuck))]
public sealed class SlotSessionTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly RoundRendezvous rendezvous = new(IPAddress.Loopback, 0, TimeSpan.FromSeconds(1));
    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public void Dispose()
    {
        rendezvous.Dispose();
        services.Dispose();
    }

    [Fact]
    public async Task Slot_WhoseThreadHangsInARead_IsFreeAgainWhenItsRunIsGivenUp()
    {
        var environment = new TrainingEnvironment(new([new PointsTask()]), new Dictionary<string, string>());
        using var session = new SlotSession("node/0", "cpu", new(environment, rendezvous, Grains: null!, new(services.GetRequiredService<IMeterFactory>(), time), time, Gate: null), NullLogger<SlotSession>.Instance);
        PointsTask.Stuck.Reset();
        var stuck = session.WarmUpAsync(Spec("stuck"));
        var released = session.ReleaseAsync("stuck", 1);
        Assert.False(released.IsCompleted);
        time.Advance(TimeSpan.FromMinutes(1));
        await released;
        Assert.True(await session.WarmUpAsync(Spec("good")));
        Assert.Contains("does not come back", (await Assert.ThrowsAsync<TimeoutException>(() => stuck)).Message);
        PointsTask.Stuck.Set();
    }

    private static RunSpec Spec(string condition) => new()
    {
        RunId = condition,
        Task = "points",
        Output = "/runs/points",
        Settings = new Dictionary<string, string> { ["condition"] = condition },
    };
}
