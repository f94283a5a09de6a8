using System.Net;
using Granary.Grains.Nodes;
using Granary.Grains.Telemetry;
using Granary.Training;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Granary.Silo.Gateway;

/// <summary>What a silo serves besides Orleans: runs and health over gRPC, metrics and health over HTTP.</summary>
public static class GatewayHosting
{
    /// <summary>A host whose configuration does not depend on the folder that it is started in.</summary>
    public static WebApplicationBuilder CreateBuilder() => WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });

    /// <param name="grpcPort">HTTP/2 without TLS; 0: any free port.</param>
    /// <param name="httpPort">For <c>/metrics</c> and <c>/healthz</c>; 0: any free port.</param>
    public static void AddGateway(this WebApplicationBuilder builder, IPAddress address, int grpcPort, int httpPort)
    {
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(address, grpcPort, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(address, httpPort, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddGrpc();
        builder.Services.AddLimits();
        builder.Services.AddHealthChecks();
        builder.Services.AddGrpcHealthChecks();
        var telemetry = builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics
                .AddMeter(TrainingInstruments.Name, "Microsoft.Orleans")
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter())
            .WithTracing(traces => traces.AddSource(TrainingInstruments.Name, "Microsoft.Orleans.*"));
        if (EnvironmentVariable.Read("OTEL_EXPORTER_OTLP_ENDPOINT") is not null)
        {
            telemetry.WithMetrics(metrics => metrics.AddOtlpExporter()).WithTracing(traces => traces.AddOtlpExporter());
        }
    }

    public static void MapGateway(this WebApplication app)
    {
        app.UseMessageLimit(app.Services.GetRequiredService<TrainingEnvironment>().Limits);
        app.MapGrpcService<RunsService>();
        app.MapGrpcHealthChecksService();
        app.MapHealthChecks("/healthz");
        app.MapPrometheusScrapingEndpoint("/metrics");
    }
}
