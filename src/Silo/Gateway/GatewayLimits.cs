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
    private const string StatusHeader = "grpc-status", MessageHeader = "grpc-message", TooLarge = "Received message exceeds";

    public static void AddLimits(this IServiceCollection services)
    {
        services.AddSingleton<WatchPlaces>();
        services.AddOptions<KestrelServerOptions>().Configure<TrainingEnvironment>((kestrel, environment) =>
        {
            var limits = environment.Limits;
            kestrel.Limits.MaxConcurrentConnections = limits.Connections;
            kestrel.Limits.KeepAliveTimeout = limits.IdleTime;
            kestrel.Limits.RequestHeadersTimeout = limits.IdleTime;
        });
        services.AddOptions<GrpcServiceOptions>().PostConfigure<TrainingEnvironment>((grpc, environment) =>
        {
            grpc.MaxReceiveMessageSize = environment.Limits.MessageBytes;
            // A message that unpacks itself would be measured too late.
            grpc.CompressionProviders = [];
        });
    }

    /// <summary>Names the limit where a message is refused for its size, which is before any of our code sees it.</summary>
    public static void UseMessageLimit(this IApplicationBuilder app, LimitOptions limits) => app.Use(async (context, next) =>
    {
        await next(context);
        var headers = context.Response.Headers;
        if (!context.Response.HasStarted && headers[StatusHeader] == $"{(int)StatusCode.ResourceExhausted}" && headers[MessageHeader].ToString().StartsWith(TooLarge, StringComparison.Ordinal))
        {
            headers[MessageHeader] = $"The message has more than {limits.MessageBytes} bytes ({LimitOptions.NameOf(nameof(limits.MessageBytes))}). A spec names data, and holds none.";
        }
    });
}
