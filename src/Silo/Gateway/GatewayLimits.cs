using Granary.Grains.Nodes;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Granary.Silo.Gateway;

/// <summary>What strangers can take of a silo through its gateway's ports: connections, time and memory, none of them without end.</summary>
internal static class GatewayLimits
{
    private const string StatusHeader = "grpc-status", MessageHeader = "grpc-message", EncodingHeader = "grpc-encoding", TooLarge = "Received message exceeds";

    public static void AddLimits(this IServiceCollection services)
    {
        services.AddSingleton<WatchPlaces>();
        services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter("Microsoft.AspNetCore.Server.Kestrel"));
        services.AddOptions<KestrelServerOptions>().Configure<TrainingEnvironment>((kestrel, environment) =>
        {
            var limits = environment.Limits;
            kestrel.Limits.MaxConcurrentConnections = limits.Connections;
            kestrel.Limits.KeepAliveTimeout = limits.IdleTime;
            kestrel.Limits.RequestHeadersTimeout = limits.IdleTime;
        });
        services.AddOptions<GrpcServiceOptions>().Configure<TrainingEnvironment>((grpc, environment) => grpc.MaxReceiveMessageSize = environment.Limits.MessageBytes);
    }

    /// <summary>Names the limit where a message is refused for its size, which is before any of our code sees it; messages that unpack themselves are refused at once.</summary>
    public static void UseMessageLimit(this IApplicationBuilder app, LimitOptions limits) => app.Use(async (context, next) =>
    {
        var headers = context.Response.Headers;
        if (context.Request.Headers[EncodingHeader] is [{ } encoding] && encoding != "identity")
        {
            // What it unpacks to would be measured too late.
            context.Response.ContentType = "application/grpc";
            (headers[StatusHeader], headers[MessageHeader]) = ($"{(int)StatusCode.Unimplemented}", "Packed messages are not taken.");
            return;
        }
        await next(context);
        if (!context.Response.HasStarted && headers[StatusHeader] == $"{(int)StatusCode.ResourceExhausted}" && headers[MessageHeader].ToString().StartsWith(TooLarge, StringComparison.Ordinal))
        {
            headers[MessageHeader] = $"The message has more than {limits.MessageBytes} bytes ({LimitOptions.NameOf(nameof(limits.MessageBytes))}). A spec names data, and holds none.";
        }
    });
}
