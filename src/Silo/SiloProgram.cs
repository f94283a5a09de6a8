using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Granary.Grains;
using Granary.Grains.Cluster;
using Granary.Grains.Slots;
using Granary.Grains.Telemetry;
using Granary.Silo.Clusters;
using Granary.Silo.Faults;
using Granary.Silo.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using StackExchange.Redis;

namespace Granary.Silo;

/// <summary>One silo of a real cluster, with its gateway: <c>granary silo</c>.</summary>
public static class SiloProgram
{
    /// <summary>How long an attached silo may take to end in good order.</summary>
    private static readonly TimeSpan OrphanTime = TimeSpan.FromSeconds(20);

    /// <param name="configFile">JSON; environment variables such as <c>Granary__Node__Slots</c> override it.</param>
    /// <param name="attached">Belongs to another program: ends with its standard input, not with Ctrl+C.</param>
    /// <exception cref="ClusterStartException"/>
    public static async Task RunAsync(string? configFile, bool attached, bool verbose, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        if (configFile is not null)
        {
            builder.Configuration.Sources.Insert(0, ReadConfiguration(configFile));
        }
        var cluster = builder.Configuration.GetSection(SiloClusterOptions.Section).Get<SiloClusterOptions>() ?? new();
        var node = builder.Configuration.GetSection(NodeOptions.Section).Get<NodeOptions>() ?? new();
        var faults = builder.Configuration.GetSection(FaultOptions.Section).Get<FaultOptions>() ?? new();
        CheckPorts(cluster, node);
        await CheckRedisAsync(cluster.Redis);

        builder.Logging.SetMinimumLevel(verbose ? LogLevel.Information : LogLevel.Warning).AddFilter("Granary", LogLevel.Information);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(60));
        builder.Services.AddSingleton(GranaryEnvironment.ForTraining());
        var gate = attached && faults.Enabled ? new StepGate(Console.Out.WriteLine) : null;
        if (gate is not null)
        {
            builder.Services.AddSingleton<IStepGate>(gate);
        }
        builder.AddGateway(cluster.IsRemote ? IPAddress.Any : IPAddress.Loopback, cluster.GrpcPort, cluster.HttpPort);
        builder.Host.UseOrleans(silo => ConfigureSilo(silo, cluster, node, builder.Configuration));
        await using var app = builder.Build();
        app.MapGateway();
        // A silo that has not trained yet shows its metrics, too.
        _ = app.Services.GetRequiredService<TrainingInstruments>();

        using var ignored = attached ? PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true) : null;
        if (attached)
        {
            // On a thread of its own: reading standard input blocks, and the gate is to hear while the silo is busy starting.
            new Thread(() => FollowInput(gate, app.Lifetime)) { IsBackground = true, Name = "input" }.Start();
        }
        await app.StartAsync(cancellationToken);
        await app.WaitForShutdownAsync(cancellationToken);
    }

    private static void ConfigureSilo(ISiloBuilder silo, SiloClusterOptions cluster, NodeOptions node, IConfiguration configuration)
    {
        var redis = ConfigurationOptions.Parse(cluster.Redis);
        redis.AbortOnConnectFail = false;
        silo.UseRedisClustering(options => options.ConfigurationOptions = redis)
            .AddRedisGrainStorage(Storage.Name, options => options.ConfigurationOptions = redis)
            .ConfigureEndpoints(IPAddress.Parse(cluster.AdvertisedAddress), cluster.SiloPort, cluster.GatewayPort, listenOnAnyHostAddress: cluster.IsRemote)
            .AddTraining(options => configuration.GetSection(NodeOptions.Section).Bind(options));
#pragma warning disable ORLEANSEXP003 // The default directory drops healthy activations whenever another silo leaves.
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
        silo.Configure<Orleans.Configuration.ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster.ClusterId, cluster.ClusterId))
            .Configure<SiloOptions>(options => options.SiloName = node.Name)
            // A killed process is out after a second, a hung one after three; a pause of two seconds is forgiven.
            .Configure<ClusterMembershipOptions>(options =>
            {
                options.ProbeTimeout = TimeSpan.FromSeconds(1);
                options.MinProbeTimeout = TimeSpan.FromSeconds(0.5);
                options.MaxProbeTimeout = TimeSpan.FromSeconds(1.5);
                options.NumMissedProbesLimit = 2;
                options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
            })
            .Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.FromSeconds(0.5))
            .Configure<SiloMessagingOptions>(options => options.CancelRequestOnTimeout = true);
    }

    private static Microsoft.Extensions.Configuration.Json.JsonConfigurationSource ReadConfiguration(string path)
    {
        if (!File.Exists(path))
        {
            throw new ClusterStartException($"There is no configuration file {path}.");
        }
        var source = new Microsoft.Extensions.Configuration.Json.JsonConfigurationSource { Path = Path.GetFullPath(path) };
        source.ResolveFileProvider();
        return source;
    }

    private static void CheckPorts(SiloClusterOptions cluster, NodeOptions node)
    {
        foreach (var (port, setting) in new[]
        {
            (cluster.SiloPort, "Granary:Cluster:SiloPort"), (cluster.GatewayPort, "Granary:Cluster:GatewayPort"),
            (cluster.GrpcPort, "Granary:Cluster:GrpcPort"), (cluster.HttpPort, "Granary:Cluster:HttpPort"), (node.DataPort, "Granary:Node:DataPort"),
        })
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(cluster.IsRemote ? IPAddress.Any : IPAddress.Loopback, port));
            }
            catch (SocketException taken)
            {
                throw new ClusterStartException($"Port {port} ({setting}) cannot be opened: {taken.Message}. Is a silo running already? Choose another port.", taken);
            }
        }
    }

    private static async Task CheckRedisAsync(string address)
    {
        try
        {
            var options = ConfigurationOptions.Parse(address);
            options.ConnectTimeout = 3000;
            options.ConnectRetry = 1;
            await using var redis = await ConnectionMultiplexer.ConnectAsync(options);
        }
        catch (RedisConnectionException unreachable)
        {
            throw new ClusterStartException($"Redis is not reachable at {address} (Granary:Cluster:Redis). Start it (redis-server), or name another address.", unreachable);
        }
    }

    private static void FollowInput(StepGate? gate, IHostApplicationLifetime lifetime)
    {
        string? line;
        do
        {
            line = Console.In.ReadLine();
            gate?.Hear(line);
        }
        while (line is not null);
        lifetime.StopApplication();
        // The other program may have been killed, and its Redis with it, for which Orleans would wait and wait.
        Thread.Sleep(OrphanTime);
        Process.GetCurrentProcess().Kill();
    }
}
