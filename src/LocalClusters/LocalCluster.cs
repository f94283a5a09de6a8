using System.Net;
using Granary.Grains;
using Granary.Grains.Nodes;
using Granary.Grains.Persistence;
using Granary.Grains.Slots;
using Granary.Silo;
using Granary.Silo.Gateway;
using Granary.Silo.Page;
using Granary.Silo.Telemetry;
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
        Uri[] addresses = [.. gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address))];
        (Server, Page) = (addresses[0], addresses[1]);
    }

    public Uri Server { get; }

    public Uri Page { get; }

    /// <param name="workers">Silos, with one slot each.</param>
    /// <param name="logging">Default: no logs, but those that are sent by OTLP, if the environment says where to.</param>
    /// <param name="devices">The first silo's device, the second's and so on; if they are fewer than silos, they begin again. Default: the processor.</param>
    /// <param name="pagePort">Where the page is served. Default: 0, any free port.</param>
    public static Task<LocalCluster> StartAsync(int workers, Action<ILoggingBuilder>? logging = null, IReadOnlyList<string>? devices = null, int pagePort = 0) =>
        StartAsync(silos: workers, slots: 1, GranaryEnvironment.ForTraining(), logging, devices, pagePort);

    /// <param name="slots">Of each silo.</param>
    /// <param name="environment">What can be trained.</param>
    /// <param name="devices">See the other overload.</param>
    public static async Task<LocalCluster> StartAsync(
        int silos, int slots, TrainingEnvironment environment, Action<ILoggingBuilder>? logging = null, IReadOnlyList<string>? devices = null, int pagePort = 0)
    {
        devices ??= [DeviceName.Cpu];
        var (made, hasStarted) = (-1, false);
        logging ??= builder => builder.ClearProviders().AddSiloFilters(verbose: false, () => hasStarted);
        var rendezvous = new RoundRendezvous(IPAddress.Loopback, 0, TimeSpan.FromSeconds(60));
        var builder = new InProcessTestClusterBuilder((short)silos);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureClientHost(host => logging(host.Logging));
        builder.ConfigureSiloHost((options, host) =>
        {
            logging(host.Logging);
            host.AddTelemetryOfLogs(SourceOf(options.SiloName, environment));
        });
        builder.ConfigureSilo((options, silo) =>
        {
            silo.Services.AddSingleton(environment).AddSingleton(rendezvous);
            silo.AddMemoryGrainStorage(GrainStorage.Name);
            silo.AddTraining(new NodeOptions { Name = options.SiloName, Slots = slots, Device = devices[Interlocked.Increment(ref made) % devices.Count] });
        });
        var cluster = builder.Build();
        await cluster.DeployAsync();
        hasStarted = true;
        return new(cluster, rendezvous, await StartGatewayAsync(cluster.Client, environment, logging, pagePort));
    }

    public async ValueTask DisposeAsync()
    {
        await gateway.DisposeAsync();
        await silos.StopAllSilosAsync();
        await silos.DisposeAsync();
        rendezvous.Dispose();
    }

    private static async Task<WebApplication> StartGatewayAsync(IGrainFactory grains, TrainingEnvironment environment, Action<ILoggingBuilder> logging, int pagePort)
    {
        var builder = GatewayHosting.CreateBuilder();
        logging(builder.Logging);
        builder.Services.AddSingleton(grains).AddSingleton(environment);
        var source = SourceOf(Environment.MachineName, environment);
        builder.AddTelemetryOfLogs(source);
        builder.AddGateway(source, IPAddress.Loopback, grpcPort: 0, httpPort: pagePort);
        builder.AddPage();
        var app = builder.Build();
        app.MapGateway();
        app.MapPage();
        await app.StartAsync();
        return app;
    }

    private static TelemetrySource SourceOf(string instance, TrainingEnvironment environment) => new("granary", null, instance, environment.Versions.GetValueOrDefault("granary", ""));
}
