using System.Net;
using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Grains.Nodes;
using Granary.Grains.Persistence;
using Granary.Grains.Slots;
using Granary.Tests.Fakes;
using Granary.Training.Runs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Runtime.Messaging;
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

    public BitFlips Gate { get; } = new();

    public JumpingClock Clock { get; } = new();

    public ErrorLog Errors { get; } = new();

    public InProcessTestCluster Silos { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(5);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((options, silo) =>
        {
            silo.Services
                .AddSingleton(new TrainingEnvironment(new([new PointsTask()]), new Dictionary<string, string> { ["threads"] = "1" }) { MemoryLimit = 1 << 24 })
                .AddSingleton(rendezvous)
                .AddSingleton<IStepGate>(Gate)
                .AddSingleton<TimeProvider>(Clock)
                .AddSingleton<ILoggerProvider>(Errors);
            silo.Services.AddKeyedSingleton<IGrainStorage>(GrainStorage.Name, new RestoringStorage(Store, NullLogger<RestoringStorage>.Instance));
            silo.AddTraining(new NodeOptions { Name = options.SiloName });
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
        await CallAsync(() => Coordinator(spec).SubmitAsync(spec));
        return await WaitAsync(spec, status => status.HasEnded);
    }

    /// <summary>What has been said of the run, oldest first.</summary>
    public async Task<List<string>> MessagesAsync(RunSpec spec) =>
        [.. (await CallAsync(() => Coordinator(spec).GetEventsAsync(0))).Select(entry => entry.Message).Where(message => message.Length > 0)];

    public InProcessSiloHandle Silo(string node) => Silos.Silos.Single(silo => silo.Name == node);

    /// <summary>Calls again what may be called twice, until it is answered: a client is not told when the silo that it asked has died.</summary>
    public static async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        using var timeout = new CancellationTokenSource(patience);
        while (true)
        {
            timeout.Token.ThrowIfCancellationRequested();
            try
            {
                return await call().WaitAsync(TimeSpan.FromSeconds(3));
            }
            catch (Exception error) when (error is TimeoutException or OrleansException or ConnectionFailedException or CommandLostException)
            {
            }
        }
    }

    public static Task CallAsync(Func<Task> call) => CallAsync(async () =>
    {
        await call();
        return true;
    });

    /// <summary>Follows the run's events until one of them shows what is waited for.</summary>
    public async Task<RunStatus> WaitAsync(RunSpec spec, Func<RunStatus, bool> condition)
    {
        using var timeout = new CancellationTokenSource(patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        do
        {
            if (await CallAsync(() => Coordinator(spec).GetStatusAsync()) is var status && condition(status))
            {
                return status;
            }
        }
        while (await timer.WaitForNextTickAsync(timeout.Token));
        throw new TimeoutException();
    }
}
