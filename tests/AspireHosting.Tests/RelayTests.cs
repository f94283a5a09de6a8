using System.Net;
using System.Net.Sockets;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Granary.AspireHosting.Tests;

public sealed class RelayTests : IDisposable
{
    private readonly UnstartedAppHost host = new();

    public void Dispose() => host.Dispose();

    [Fact]
    public async Task Caller_IsLedToASiloThatServes_AndHungUpOnWhenItIsGone()
    {
        var cluster = host.AddCluster().WithSilos(2).Resource;
        using TcpListener first = Greet(cluster.Silos[0], 1), second = Greet(cluster.Silos[1], 2);
        var relaying = cluster.Gateway.RunAsync(NullLogger.Instance, host.Ended);

        using var early = await CallAsync(cluster);
        Assert.Equal(-1, await HearAsync(early));

        ServingSilo[] serving = [new(cluster.Silos[0]), new(cluster.Silos[1])];
        cluster.Serving = serving;
        using var caller = await CallAsync(cluster);
        Assert.Equal(1, await HearAsync(caller));

        cluster.Serving = [serving[1]];
        serving[0].Leave();
        Assert.Equal(-1, await HearAsync(caller));
        using var again = await CallAsync(cluster);
        Assert.Equal(2, await HearAsync(again));

        await host.EndAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => relaying);
    }

    [Fact]
    public async Task Caller_IsLedToASiloThatIsHealthy_IfThereIsOne()
    {
        var cluster = host.AddCluster().WithSilos(2).Resource;
        using TcpListener first = Greet(cluster.Silos[0], 1), second = Greet(cluster.Silos[1], 2);
        _ = cluster.Gateway.RunAsync(NullLogger.Instance, host.Ended);

        cluster.Serving = [new(cluster.Silos[0]) { IsHealthy = false }, new(cluster.Silos[1])];
        using var caller = await CallAsync(cluster);
        Assert.Equal(2, await HearAsync(caller));

        cluster.Serving[1].IsHealthy = false;
        using var later = await CallAsync(cluster);
        Assert.Equal(1, await HearAsync(later));
    }

    /// <summary>Something in a silo's place that says a byte to whoever connects, and then waits.</summary>
    private TcpListener Greet(IResourceWithEndpoints silo, byte greeting)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var endpoint = silo.GetEndpoint(SiloEndpoints.Grpc).EndpointAnnotation;
        endpoint.AllocatedEndpoint = new(endpoint, "127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port);
        _ = Task.Run(async () =>
        {
            var caller = await listener.AcceptSocketAsync(host.Ended);
            await caller.SendAsync(new[] { greeting }, host.Ended);
        });
        return listener;
    }

    private static async Task<TcpClient> CallAsync(GranaryResource cluster)
    {
        var address = new Uri(cluster.Gateway.Address);
        var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port);
        return client;
    }

    /// <returns>-1: it was hung up.</returns>
    private static async Task<int> HearAsync(TcpClient caller)
    {
        var heard = new byte[1];
        return await caller.GetStream().ReadAsync(heard).AsTask().WaitAsync(TimeSpan.FromSeconds(10)) == 0 ? -1 : heard[0];
    }
}
