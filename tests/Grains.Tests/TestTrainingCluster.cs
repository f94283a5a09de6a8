using System.Net;
using Granary.Contracts;
using Granary.Grains.Slots;
using Granary.Tests.Fakes;
using Granary.Training.Tasks;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;
using Orleans.TestingHost;

namespace Granary.Grains.Tests;

/// <summary>An in-process cluster of silos with one slot each, which trains the fake task; each run in a folder of its own.</summary>
public sealed class TestTrainingCluster : IAsyncLifetime
{
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(1);
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private readonly RoundRendezvous rendezvous = new(IPAddress.Loopback, 0, patience);
    private int runs;

    public SharedStorage Store { get; } = new();

    public InProcessTestCluster Silos { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(5);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((options, silo) =>
        {
            silo.Services
                .AddSingleton(new TrainingEnvironment(new([new PointsTask()]), new Dictionary<string, string> { ["threads"] = "1" }))
                .AddSingleton(rendezvous);
            silo.Services.AddKeyedSingleton<IGrainStorage>(Storage.Name, Store);
            silo.AddTraining(node => (node.Name, node.Slots) = (options.SiloName, 1));
        });
        Silos = builder.Build();
        await Silos.DeployAsync();
    }

    public async Task DisposeAsync()
    {
        await Silos.DisposeAsync();
        rendezvous.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>A spec with an id and a folder of its own.</summary>
    public RunSpec Spec(int workers, params (string Name, string Value)[] settings)
    {
        var id = $"run-{Interlocked.Increment(ref runs)}";
        return new()
        {
            RunId = id,
            Task = "points",
            Shards = 8,
            Steps = 20,
            Workers = workers,
            Output = Path.Combine(folder, id),
            Settings = settings.ToDictionary(setting => setting.Name, setting => setting.Value),
        };
    }

    public ICoordinatorGrain Coordinator(RunSpec spec) => Silos.Client.GetGrain<ICoordinatorGrain>(spec.RunId);

    public async Task<RunStatus> RunAsync(RunSpec spec)
    {
        await Coordinator(spec).SubmitAsync(spec);
        return await WaitAsync(spec, status => status.HasEnded);
    }

    /// <summary>What has been said of the run, oldest first.</summary>
    public async Task<List<string>> MessagesAsync(RunSpec spec) =>
        [.. (await Coordinator(spec).GetEventsAsync(0)).Select(entry => entry.Message).Where(message => message.Length > 0)];

    public InProcessSiloHandle Silo(string node) => Silos.Silos.Single(silo => silo.Name == node);

    /// <summary>Follows the run's events until one of them shows what is waited for.</summary>
    public async Task<RunStatus> WaitAsync(RunSpec spec, Func<RunStatus, bool> condition)
    {
        using var timeout = new CancellationTokenSource(patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        do
        {
            try
            {
                // A client is not told when the silo that it asked has died.
                if (await Coordinator(spec).GetStatusAsync().WaitAsync(TimeSpan.FromSeconds(2)) is var status && condition(status))
                {
                    return status;
                }
            }
            catch (Exception error) when (error is TimeoutException or OrleansException)
            {
            }
        }
        while (await timer.WaitForNextTickAsync(timeout.Token));
        throw new TimeoutException();
    }
}
