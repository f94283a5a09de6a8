using System.Net;
using Granary.Silo.Gateway;
using Granary.Silo.Page;
using Granary.Silo.Security;
using Granary.Silo.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Granary.Silo;

/// <summary>The page over run directories, without a cluster, for this machine alone: <c>granary ui</c>.</summary>
public sealed class FolderPage : IAsyncDisposable
{
    private readonly WebApplication app;

    private FolderPage(WebApplication app) => this.app = app;

    /// <summary>Where it is to be opened.</summary>
    public Uri Address => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <param name="folder">Of run directories; or one of them.</param>
    /// <param name="port">0: any free one.</param>
    /// <param name="logging">Default: no logs.</param>
    /// <exception cref="ClusterStartException">The port is taken.</exception>
    public static async Task<FolderPage> StartAsync(string folder, int port, Action<ILoggingBuilder>? logging = null)
    {
        var builder = GatewayHosting.CreateBuilder();
        (logging ?? (none => none.ClearProviders()))(builder.Logging);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http1));
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddGuards();
        builder.AddPage(folder, GranaryEnvironment.Tasks, GranaryEnvironment.Versions["granary"]);
        var app = builder.Build();
        app.UseGuards();
        app.MapPage();
        try
        {
            await app.StartAsync();
        }
        catch (IOException taken)
        {
            await app.DisposeAsync();
            throw new ClusterStartException($"Port {port} cannot be opened: {taken.Message} Choose another: --port 0 takes any that is free.", taken);
        }
        return new(app);
    }

    /// <summary>Serves until it is told to end.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await app.WaitForShutdownAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => app.DisposeAsync();
}
