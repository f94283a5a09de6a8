using System.Net;
using System.Text.Json;
using Granary.Contracts;
using Granary.LocalClusters;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using StackExchange.Redis;

namespace Granary.Cluster.Tests.Security;

/// <summary>Somebody who knows the grains' interfaces, the cluster's id and its Redis, and would go round the gateway.</summary>
public sealed class OrleansClientTests : IAsyncLifetime
{
    private const string ClusterId = "not-for-clients";
    private ProcessCluster cluster = null!;

    public async Task InitializeAsync() => cluster = await ProcessCluster.StartAsync(new ProcessClusterOptions { Processes = 1, Workers = 1, ClusterId = ClusterId });

    public async Task DisposeAsync() => await cluster.DisposeAsync();

    [Fact]
    public Task Client_OfTheClustersTable_FindsNoWayIn() =>
        RefusedAsync(client => client.UseRedisClustering(options => options.ConfigurationOptions = ConfigurationOptions.Parse(cluster.Redis!.Address)));

    [Fact]
    public Task Client_AtThePortOfSilos_IsNotLetIn()
    {
        using var settings = JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(cluster.Silos[0].LogPath, "json")));
        var port = settings.RootElement.GetProperty("Granary").GetProperty("Cluster").GetProperty("SiloPort").GetInt32();
        return RefusedAsync(client => client.UseStaticClustering(new IPEndPoint(IPAddress.Loopback, port)));
    }

    private static async Task RefusedAsync(Action<IClientBuilder> find)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.UseOrleansClient(client =>
        {
            find(client);
            client.UseConnectionRetryFilter((_, _) => Task.FromResult(false));
            client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (ClusterId, ClusterId));
            client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(2));
        });
        using var host = builder.Build();
        var e = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await host.StartAsync().WaitAsync(TimeSpan.FromSeconds(30));
            await ((IClusterClient)host.Services.GetService(typeof(IClusterClient))!).GetGrain<ICoordinatorGrain>("first").GetStatusAsync();
        });
        Assert.Fail(e.ToString());
    }
}
