using System.Net;
using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Logging;

namespace Granary.AspireHosting;

/// <summary>
/// An address of the cluster that outlives any of its silos: who connects is led to the first that serves, if possible to one that is healthy, and hung up on when
/// that one is gone, so as to connect anew. Only this machine reaches it.
/// </summary>
internal sealed partial class Relay(GranaryResource cluster, string endpoint) : IValueProvider, IManifestExpressionProvider
{
    private static readonly TimeSpan PauseAfterRefusal = TimeSpan.FromSeconds(1);
    private readonly Lazy<TcpListener> listener = new(Listen);

    public string Endpoint => endpoint;

    public string Address => $"http://{listener.Value.LocalEndpoint}";

    public string ValueExpression => $"{{{cluster.Name}.bindings.{endpoint}.url}}";

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult<string?>(Address);

    public async Task RunAsync(ILogger log, CancellationToken cancellationToken)
    {
        using var open = listener.Value;
        while (true)
        {
            try
            {
                _ = LeadAsync(await open.AcceptTcpClientAsync(cancellationToken), cancellationToken);
            }
            catch (SocketException refused)
            {
                // Such as: the process has no more files to open. Whoever calls waits in the meantime.
                LogRefused(log, cluster.Name, endpoint, refused);
                await Task.Delay(PauseAfterRefusal, cancellationToken);
            }
        }
    }

    private async Task LeadAsync(TcpClient client, CancellationToken cancellationToken)
    {
        using var caller = client;
        if (cluster.Serving.OrderByDescending(silo => silo.IsHealthy).FirstOrDefault() is not { } serving)
        {
            return;
        }
        var address = serving.Silo.GetEndpoint(endpoint);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(serving.Gone, cancellationToken);
        try
        {
            using var silo = new TcpClient();
            await silo.ConnectAsync(address.Host, address.Port, ended.Token);
            (caller.NoDelay, silo.NoDelay) = (true, true);
            await Task.WhenAny(caller.GetStream().CopyToAsync(silo.GetStream(), ended.Token), silo.GetStream().CopyToAsync(caller.GetStream(), ended.Token));
        }
        catch (Exception lost) when (lost is SocketException or OperationCanceledException)
        {
        }
    }

    private static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    [LoggerMessage(LogLevel.Warning, "A connection to {Cluster} ({Endpoint}) cannot be accepted; the next try is in a second")]
    private static partial void LogRefused(ILogger log, string cluster, string endpoint, Exception refused);
}
