using System.Net;
using System.Text.Json;
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

    public async Task InitializeAsync() => cluster = await ProcessCluster.StartAsync(new ProcessClusterOptions { Processes = 1, Workers = 1, ClusterId = ClusterId, SiloArguments = ["--verbose"] });

    public async Task DisposeAsync() => await cluster.DisposeAsync();

    [Fact]
    public async Task Client_OfTheClustersTable_FindsNoWayIn()
    {
        using var client = Build(client => client.UseRedisClustering(options => options.ConfigurationOptions = ConfigurationOptions.Parse(cluster.Redis!.Address)));
        var refused = await Assert.ThrowsAsync<SiloUnavailableException>(() => client.StartAsync());
        Assert.Contains("Could not find any gateway", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_AtThePortOfSilos_IsNotLetIn()
    {
        using var settings = JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(cluster.Silos[0].LogPath, "json")));
        var port = settings.RootElement.GetProperty("Granary").GetProperty("Cluster").GetProperty("SiloPort").GetInt32();
        var refused = new TaskCompletionSource();
        cluster.Silos[0].Said += line => _ = line.Contains("Unexpected client connection on silo endpoint", StringComparison.Ordinal) && refused.TrySetResult();

        using var client = Build(client => client.UseStaticClustering(new IPEndPoint(IPAddress.Loopback, port)));
        using var enough = new CancellationTokenSource();
        var starting = client.StartAsync(enough.Token);
        await refused.Task.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.False(starting.IsCompletedSuccessfully);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => starting);
    }

    private static IHost Build(Action<IClientBuilder> find)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.UseOrleansClient(client =>
        {
            find(client);
            client.UseConnectionRetryFilter((_, _) => Task.FromResult(false));
            client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (ClusterId, ClusterId));
        });
        return builder.Build();
    }
}
