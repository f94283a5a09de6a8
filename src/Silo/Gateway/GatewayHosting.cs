using System.Net;
using Granary.Grains.Nodes;
using Granary.Silo.Security;
using Granary.Silo.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Granary.Silo.Gateway;

/// <summary>What a silo serves besides Orleans: runs and health over gRPC, metrics and health over HTTP.</summary>
public static class GatewayHosting
{
    /// <summary>A host whose configuration does not depend on the folder that it is started in.</summary>
    public static WebApplicationBuilder CreateBuilder() => WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });

    /// <summary>With TLS if <see cref="ClusterCertificates"/> are among the services, and for holders of tokens only if <see cref="AccessTokens"/> are.</summary>
    /// <param name="source">Who the gateway's cluster or silo is, for those who collect its telemetry.</param>
    /// <param name="grpcPort">HTTP/2; 0: any free port.</param>
    /// <param name="httpPort">For the page, <c>/metrics</c> and <c>/healthz</c>; 0: any free port.</param>
    public static void AddGateway(this WebApplicationBuilder builder, TelemetrySource source, IPAddress address, int grpcPort, int httpPort)
    {
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(address, grpcPort, listen => Serve(listen, HttpProtocols.Http2));
            kestrel.Listen(address, httpPort, listen => Serve(listen, HttpProtocols.Http1AndHttp2));
        });
        builder.Services.AddGuards();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<KnownRuns>();
        builder.Services.AddGrpc(grpc => grpc.Interceptors.Add<AuditedCalls>());
        builder.Services.AddLimits();
        builder.Services.AddHealthChecks();
        // Where nothing is checked, gRPC calls it not serving.
        builder.Services.AddGrpcHealthChecks().AddCheck("gateway", () => HealthCheckResult.Healthy());
        builder.Services.AddTelemetry(source);
    }

    public static void MapGateway(this WebApplication app)
    {
        app.UseMessageLimit(app.Services.GetRequiredService<TrainingEnvironment>().Limits);
        app.UseGuards();
        app.MapGrpcService<RunsService>();
        // Probes carry no tokens.
        app.MapGrpcHealthChecksService().AllowAnonymous();
        app.MapHealthChecks("/healthz").AllowAnonymous();
        app.MapPrometheusScrapingEndpoint("/metrics").RequireAuthorization(Roles.Viewer);
    }

    private static void Serve(ListenOptions listen, HttpProtocols protocols)
    {
        var certificates = listen.ApplicationServices.GetService<ClusterCertificates>();
        // Only under TLS the two sides can agree on one of two.
        listen.Protocols = certificates is null && protocols == HttpProtocols.Http1AndHttp2 ? HttpProtocols.Http1 : protocols;
        if (certificates is not null)
        {
            listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(certificates.ForClients()) });
        }
    }
}
