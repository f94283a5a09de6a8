using System.Net;
using Granary.Grains;
using Granary.Grains.Persistence;
using Granary.Silo.Security;
using Granary.Silo.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Storage;
using StackExchange.Redis;

namespace Granary.Silo;

/// <summary>Orleans as a silo of a real cluster has it.</summary>
internal static class SiloHosting
{
    private const string RedisStorage = "redis";

    /// <param name="address">The address under which other silos reach this one.</param>
    /// <param name="configuration">How Redis is reached.</param>
    /// <param name="redis">Connected.</param>
    /// <param name="certificates"><see langword="null"/>: silos speak without TLS.</param>
    public static void AddSilo(this WebApplicationBuilder builder, SiloSettings settings, IPAddress address, ConfigurationOptions configuration, IConnectionMultiplexer redis, ClusterCertificates? certificates)
    {
        builder.Host.UseOrleans(silo =>
        {
            silo.Join(settings.Cluster, address, configuration).AddTraining(settings.Node);
            if (certificates is not null)
            {
                silo.UseMutualTls(certificates);
            }
        });
        // After Orleans: started when the silo has joined, and stopped before it leaves.
        builder.Services.AddSingleton(redis).AddHostedService<MembershipRestoration>();
    }

    private static ISiloBuilder Join(this ISiloBuilder silo, SiloClusterOptions cluster, IPAddress address, ConfigurationOptions configuration)
    {
        var redis = configuration.Clone();
        redis.AbortOnConnectFail = false;
        silo.UseRedisClustering(options => options.ConfigurationOptions = redis)
            .AddRedisGrainStorage(RedisStorage, options => options.ConfigurationOptions = redis)
            // No port for clients of Orleans: they could reach every grain.
            .ConfigureEndpoints(address, cluster.SiloPort, gatewayPort: 0, listenOnAnyHostAddress: !IPAddress.IsLoopback(address));
        silo.Services.AddKeyedSingleton<IGrainStorage>(GrainStorage.Name, (services, _) => new RestoringStorage(
            services.GetRequiredKeyedService<IGrainStorage>(RedisStorage), services.GetRequiredService<ILogger<RestoringStorage>>()));
#pragma warning disable ORLEANSEXP003 // The default directory drops healthy activations whenever another silo leaves.
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
        return silo.Configure<Orleans.Configuration.ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster.ClusterId, cluster.ClusterId))
            .Configure<ClusterMembershipOptions>(options =>
            {
                // A killed process is out after a second, a hung one after three; a pause of two seconds is forgiven.
                options.ProbeTimeout = TimeSpan.FromSeconds(1);
                options.MinProbeTimeout = TimeSpan.FromSeconds(0.5);
                options.MaxProbeTimeout = TimeSpan.FromSeconds(1.5);
                options.NumMissedProbesLimit = 2;
                options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
                // A silo that joins wants to reach all that the table calls active. It may declare dead alone those that have not
                // written there for six seconds: if all have died at once, nobody else would.
                options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(2);
                options.NumMissedTableIAmAliveLimit = 3;
            })
            .Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.FromSeconds(0.5))
            .Configure<SiloMessagingOptions>(options => options.CancelRequestOnTimeout = true);
    }
}
