using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Granary.Cluster.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Granary.AspireHosting.Tests;

/// <summary>An app host that is built and never started.</summary>
internal sealed class UnstartedAppHost : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private readonly CancellationTokenSource ended = new();
    private DistributedApplication? built;

    /// <param name="arguments">Further ones of its command line.</param>
    public UnstartedAppHost(params string[] arguments) => Builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions
    {
        Args = [$"--Aspire:Store:Path={folder}", "--ConnectionStrings:redis=redis.example:6379,password=word", $"--Parameters:granary-token={Token}", "--ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL=http://localhost:4317", .. arguments],
        ProjectDirectory = folder,
        DisableDashboard = true,
    });

    /// <summary>The value of the parameter <c>granary-token</c>.</summary>
    public const string Token = "a-token";

    public IDistributedApplicationBuilder Builder { get; }

    public string AppHostFolder => folder;

    public IResourceBuilder<GranaryResource> AddCluster() => Builder.AddGranary<OwnModel>("granary").WithRedis(Builder.AddConnectionString("redis"));

    /// <summary>Whether it has ended: at the latest with the test.</summary>
    public CancellationToken Ended => ended.Token;

    public Task EndAsync() => ended.CancelAsync();

    public T Service<T>()
        where T : notnull => (built ??= Builder.Build()).Services.GetRequiredService<T>();

    /// <summary>What a process is started with.</summary>
    public async Task<(string[] Arguments, IReadOnlyDictionary<string, string> Variables)> ConfigureAsync(IResource process)
    {
        Allocate(process);
        var configuration = await ExecutionConfigurationBuilder.Create(process).WithArgumentsConfig().WithEnvironmentVariablesConfig()
            .BuildAsync(Service<DistributedApplicationExecutionContext>(), NullLogger.Instance);
        if (configuration.Exception is { } wrong)
        {
            throw wrong.GetBaseException();
        }
        return ([.. configuration.Arguments.Select(argument => argument.Value)], configuration.EnvironmentVariables.ToDictionary());
    }

    public void Dispose()
    {
        ended.Cancel();
        ended.Dispose();
        built?.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>As Aspire would: each endpoint has a port for others and, behind the proxy, one that the process listens on.</summary>
    private static void Allocate(IResource process)
    {
        foreach (var (number, endpoint) in process.Annotations.OfType<EndpointAnnotation>().Index())
        {
            endpoint.AllocatedEndpoint ??= new(endpoint, "localhost", 40000 + number, targetPortExpression: $"{50000 + number}");
        }
    }

    internal sealed class OwnModel : IProjectMetadata
    {
        public string ProjectPath => Repository.PathOf("samples/OwnModel/OwnModel.csproj");
    }
}
