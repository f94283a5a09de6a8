using System.Collections.Concurrent;
using System.Net;
using System.Reflection;
using Granary.Contracts;
using Granary.Silo;
using Granary.Silo.Gateway;
using Granary.Silo.Page;
using Granary.Silo.Security;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Granary.Cluster.Tests.Security;

/// <summary>A silo's gateway without a cluster behind it, and files that say who is let in. Nobody comes as far as a grain.</summary>
internal sealed class SecuredGateway : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly List<GrpcChannel> channels = [];

    private SecuredGateway(WebApplication app, AskedFor log) => (this.app, Log) = (app, log);

    public FakeTimeProvider Time { get; private init; } = null!;

    public AskedFor Log { get; }

    public IServiceProvider Services => app.Services;

    public Uri Server => Addresses[0];

    public Uri Http => Addresses[1];

    private Uri[] Addresses => [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address))];

    public static async Task<SecuredGateway> StartAsync(SecurityOptions options)
    {
        var (time, log) = (new FakeTimeProvider(TimeProvider.System.GetUtcNow()), new AskedFor());
        var builder = GatewayHosting.CreateBuilder();
        builder.Logging.ClearProviders().AddProvider(log);
        builder.Services.AddSingleton<TimeProvider>(time).AddSingleton(DispatchProxy.Create<IGrainFactory, NoGrains>()).AddSingleton(GranaryEnvironment.ForTraining());
        builder.Services.AddSecurity(options, time, LoggerFactory.Create(logging => logging.AddProvider(log)));
        builder.AddGateway(new("granary", null, "test", "1"), IPAddress.Loopback, grpcPort: 0, httpPort: 0);
        builder.AddPage();
        var app = builder.Build();
        app.MapGateway();
        app.MapPage();
        await app.StartAsync();
        return new(app, log) { Time = time };
    }

    /// <summary>As the typed client connects.</summary>
    public TrainingClient Client(string? token = null, string? authority = null) => new(new ServerAccess(Server, token, authority));

    /// <summary>As any other would. Without TLS.</summary>
    public V1.Runs.RunsClient Runs(string? token)
    {
        var channel = GrpcChannel.ForAddress(Server);
        channels.Add(channel);
        return new(channel.Intercept(headers =>
        {
            if (token is not null)
            {
                headers.Add("authorization", $"Bearer {token}");
            }
            return headers;
        }));
    }

    public async ValueTask DisposeAsync()
    {
        channels.ForEach(channel => channel.Dispose());
        await app.DisposeAsync();
    }
}

/// <summary>There are no grains.</summary>
public class NoGrains : DispatchProxy
{
    protected override object Invoke(MethodInfo? targetMethod, object?[]? args) => throw new InvalidOperationException("A call came as far as a grain.");
}

/// <summary>Keeps the lines of a log, by category.</summary>
internal sealed class AskedFor : ILoggerProvider
{
    public ConcurrentQueue<(string Category, string Line)> Lines { get; } = [];

    public IEnumerable<string> Of(string category) => Lines.Where(line => line.Category == category).Select(line => line.Line);

    public ILogger CreateLogger(string categoryName) => new Keeper(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Keeper(AskedFor lines, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Lines.Enqueue((category, formatter(state, exception)));
    }
}
