using System.Net;
using Granary.Grains;
using Granary.Grains.Nodes;
using Granary.Grains.Persistence;
using Granary.Grains.Slots;
using Granary.Silo;
using Granary.Silo.Gateway;
using Granary.Training.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.TestingHost;

namespace Granary.LocalClusters;

/// <summary>A cluster within this process: silos with a slot or more each, and the gateway that every cluster has.</summary>
public sealed class LocalCluster : IRunCluster
{
    private readonly InProcessTestCluster silos;
    private readonly RoundRendezvous rendezvous;
    private readonly WebApplication gateway;

    private LocalCluster(InProcessTestCluster silos, RoundRendezvous rendezvous, WebApplication gateway)
    {
        this.silos = silos;
        this.rendezvous = rendezvous;
        this.gateway = gateway;
        Server = new(gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    public Uri Server { get; }

    /// <param name="workers">Silos, with one slot each.</param>
    /// <param name="logging">Default: no logs.</param>
    /// <param name="devices">The first silo's device, the second's and so on; if they are fewer than silos, they begin again. Default: the processor.</param>
    public static Task<LocalCluster> StartAsync(int workers, Action<ILoggingBuilder>? logging = null, IReadOnlyList<string>? devices = null) =>
        StartAsync(silos: workers, slots: 1, GranaryEnvironment.ForTraining(), logging, devices);

    /// <param name="slots">Of each silo.</param>
    /// <param name="environment">What can be trained.</param>
    /// <param name="devices">See the other overload.</param>
    public static async Task<LocalCluster> StartAsync(int silos, int slots, TrainingEnvironment environment, Action<ILoggingBuilder>? logging = null, IReadOnlyList<string>? devices = null)
    {
        devices ??= [DeviceName.Cpu];
        var made = -1;
        logging ??= builder => builder.ClearProviders();
        var rendezvous = new RoundRendezvous(IPAddress.Loopback, 0, TimeSpan.FromSeconds(60));
        var builder = new InProcessTestClusterBuilder((short)silos);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureHost(host => logging(host.Logging));
        builder.ConfigureSilo((options, silo) =>
        {
            silo.Services.AddSingleton(environment).AddSingleton(rendezvous);
            silo.AddMemoryGrainStorage(GrainStorage.Name);
            silo.AddTraining(new NodeOptions { Name = options.SiloName, Slots = slots, Device = devices[Interlocked.Increment(ref made) % devices.Count] });
        });
        var cluster = builder.Build();
        await cluster.DeployAsync();
        return new(cluster, rendezvous, await StartGatewayAsync(cluster.Client, environment, logging));
    }

    public async ValueTask DisposeAsync()
    {
        await gateway.DisposeAsync();
        await silos.StopAllSilosAsync();
        await silos.DisposeAsync();
        rendezvous.Dispose();
    }

    private static async Task<WebApplication> StartGatewayAsync(IGrainFactory grains, TrainingEnvironment environment, Action<ILoggingBuilder> logging)
    {
        var builder = GatewayHosting.CreateBuilder();
        logging(builder.Logging);
        builder.Services.AddSingleton(grains).AddSingleton(environment);
        builder.AddGateway(IPAddress.Loopback, grpcPort: 0, httpPort: 0);
        var app = builder.Build();
        app.MapGateway();
        await app.StartAsync();
        return app;
    }
}
