using System.Net;
using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;

namespace Granary.AspireHosting;

/// <summary>
/// An address of the cluster that outlives any of its silos: who connects is led to the first that serves, and hung up on when that one is gone, so as to
/// connect anew. Only this machine reaches it.
/// </summary>
internal sealed class Relay(GranaryResource cluster, string endpoint) : IValueProvider, IManifestExpressionProvider
{
    private readonly Lazy<TcpListener> listener = new(Listen);

    public string Endpoint => endpoint;

    public string Address => $"http://{listener.Value.LocalEndpoint}";

    public string ValueExpression => $"{{{cluster.Name}.bindings.{endpoint}.url}}";

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult<string?>(Address);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var open = listener.Value;
        while (true)
        {
            _ = LeadAsync(await open.AcceptTcpClientAsync(cancellationToken), cancellationToken);
        }
    }

    private async Task LeadAsync(TcpClient client, CancellationToken cancellationToken)
    {
        using var caller = client;
        if (cluster.Serving.FirstOrDefault() is not { } serving)
        {
            return;
        }
        var address = serving.Silo.GetEndpoint(endpoint);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(serving.Gone, cancellationToken);
        using var silo = new TcpClient();
        try
        {
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
}
