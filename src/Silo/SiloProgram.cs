using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Granary.Grains.Nodes;
using Granary.Grains.Telemetry;
using Granary.Silo.Gateway;
using Granary.Silo.Page;
using Granary.Silo.Security;
using Granary.Silo.Settings;
using Granary.Silo.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Granary.Silo;

/// <summary>One silo of a real cluster, with its gateway: <c>granary silo</c>.</summary>
public static class SiloProgram
{
    /// <summary>How long an attached silo may take to end in good order.</summary>
    private static readonly TimeSpan OrphanTime = TimeSpan.FromSeconds(20);

    /// <summary>How long the services of a silo that is told to end may take beyond its grace, and how long the rest may take then.</summary>
    private static readonly TimeSpan ServicesTime = TimeSpan.FromSeconds(30), RestTime = TimeSpan.FromSeconds(15);

    /// <param name="configFile">JSON; environment variables such as <c>Granary__Node__Slots</c> override it.</param>
    /// <param name="attached">The other program that the silo belongs to; <see langword="null"/>: none.</param>
    /// <exception cref="ClusterStartException"/>
    public static async Task RunAsync(string? configFile, SiloAttachment? attached, bool verbose, CancellationToken cancellationToken)
    {
        using var ignored = attached is not null ? PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true) : null;
        OpenFiles.Check();
        var settings = SiloSettings.Read(configFile, Environment.GetEnvironmentVariables());
        var environment = GranaryEnvironment.ForTraining() with { Roots = settings.Node.Roots, Limits = settings.Limits };
        CheckDevices(settings, environment);
        var hasStarted = false;
        void Log(ILoggingBuilder logging) => logging.AddSiloLog(settings.Logging.Format, settings.Node.Name, verbose, () => hasStarted);
        using var early = LoggerFactory.Create(Log);
        var wait = new StartWait(settings.Cluster.StartPatience, early.CreateLogger<StartWait>(), cancellationToken);
        var address = await wait.ForAddressAsync(settings.Cluster.AdvertisedAddress, "Granary:Cluster:AdvertisedAddress");
        if (IPAddress.IsLoopback(address) && !NodeOptions.IsLoopback(settings.Cluster.AdvertisedAddress))
        {
            throw new ClusterStartException($"Granary:Cluster:AdvertisedAddress is {settings.Cluster.AdvertisedAddress}, which stands for {address} here: write the address that others reach this machine by.");
        }
        var reach = IPAddress.IsLoopback(address) ? IPAddress.Loopback : IPAddress.Any;
        RootRule.Check(settings.Node, mustBeThere: attached is null && !IPAddress.IsLoopback(reach));
        CheckPorts(settings, reach);

        var builder = GatewayHosting.CreateBuilder();
        Log(builder.Logging);
        var certificates = builder.Services.AddSecurity(settings.Security, TimeProvider.System, early);
        var configuration = RedisConfiguration.Of(settings.Cluster, certificates);
        await using var redis = await wait.ForRedisAsync(configuration);

        builder.Services.AddSingleton(environment);
        attached?.AddServices(builder.Services);
        var source = new TelemetrySource("granary", settings.Cluster.ClusterId, settings.Node.Name, environment.Versions["granary"]);
        builder.AddGateway(source, reach, settings.Cluster.GrpcPort, settings.Cluster.HttpPort);
        builder.AddTelemetryOfLogs(source);
        builder.AddPage();
        builder.AddSilo(settings, address, configuration, redis, certificates);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = settings.Node.Grace + ServicesTime);
        var app = builder.Build();
        using var end = new EndLimit(app.Lifetime.ApplicationStopping, EndTime(settings.Node.Grace), EndLimit.EndProcess);
        await using (app)
        {
            app.MapGateway();
            app.MapPage();
            // A silo that has not trained yet shows its metrics, too.
            _ = app.Services.GetRequiredService<TrainingInstruments>();

            if (attached is not null)
            {
                // On a thread of its own: reading standard input blocks, and it is to be heard while the silo is busy starting.
                new Thread(() => FollowInput(attached, app.Lifetime)) { IsBackground = true, Name = "input" }.Start();
            }
            await StartAsync(app, cancellationToken);
            hasStarted = true;
            await app.WaitForShutdownAsync(cancellationToken);
            end.WaitsFor("a slot's thread, which is busy");
        }
    }

    /// <summary>After this the process of a silo that was told to end ends by force.</summary>
    internal static TimeSpan EndTime(TimeSpan grace) => grace + ServicesTime + RestTime;

    private static async Task StartAsync(WebApplication app, CancellationToken cancellationToken)
    {
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception error) when (error.GetBaseException() is OrleansException or RedisException or RedisTimeoutException)
        {
            throw new ClusterStartException($"The silo could not join its cluster: {error.GetBaseException().Message.Split('\n')[0]}", error);
        }
    }

    private static void CheckDevices(SiloSettings settings, TrainingEnvironment environment)
    {
        try
        {
            _ = SlotDevices.Of(settings.Node, [.. environment.Gpus.Keys]);
        }
        catch (ArgumentException wrong)
        {
            throw new ClusterStartException(wrong.Message, wrong);
        }
    }

    private static void CheckPorts(SiloSettings settings, IPAddress address)
    {
        foreach (var (port, setting) in settings.Ports)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(address, port));
            }
            catch (SocketException taken)
            {
                throw new ClusterStartException($"Port {port} ({setting}) cannot be opened: {taken.Message}. Is a silo running already? Choose another port.", taken);
            }
        }
    }

    private static void FollowInput(SiloAttachment attached, IHostApplicationLifetime lifetime)
    {
        string? line;
        do
        {
            line = Console.In.ReadLine();
            attached.Hear(line);
        }
        while (line is not null);
        lifetime.StopApplication();
        // The other program may have been killed, and its Redis with it, for which Orleans would wait and wait.
        Thread.Sleep(OrphanTime);
        Process.GetCurrentProcess().Kill();
    }
}
