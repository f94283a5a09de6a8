using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;

namespace Granary.AspireHosting;

/// <summary>What silos and runs are processes of: somebody's own program, or the tool <c>granary</c>.</summary>
internal interface IGranaryProgram
{
    IResourceWithEndpoints AddSilo(IResourceBuilder<GranaryResource> cluster, string name);

    IResourceBuilder<IResourceWithWaitSupport> AddRun(IResourceBuilder<GranaryResource> cluster, string name, string[] arguments);
}

/// <param name="add">Adds a process by its name.</param>
internal sealed class GranaryProgram<T>(Func<string, IResourceBuilder<T>> add) : IGranaryProgram
    where T : IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport
{
    public IResourceWithEndpoints AddSilo(IResourceBuilder<GranaryResource> cluster, string name) => add(name)
        .WithParentRelationship(cluster)
        .WithArgs("silo")
        .WithEndpoint(scheme: "tcp", name: SiloEndpoints.Silo, env: "Granary__Cluster__SiloPort")
        .WithHttpEndpoint(name: SiloEndpoints.Grpc, env: "Granary__Cluster__GrpcPort")
        .WithHttpEndpoint(name: SiloEndpoints.Http, env: "Granary__Cluster__HttpPort")
        .WithEnvironment(context => ConfigureAsync(cluster.Resource, name, context))
        .WithHttpHealthCheck("/healthz", endpointName: SiloEndpoints.Http)
        .WithUrlForEndpoint(SiloEndpoints.Http, url => url.DisplayText = SiloEndpoints.TextOf(SiloEndpoints.Http))
        .WithUrlForEndpoint(SiloEndpoints.Grpc, url => url.DisplayLocation = UrlDisplayLocation.DetailsOnly)
        .WithUrlForEndpoint(SiloEndpoints.Silo, url => url.DisplayLocation = UrlDisplayLocation.DetailsOnly)
        .ExcludeFromManifest()
        .Resource;

    public IResourceBuilder<IResourceWithWaitSupport> AddRun(IResourceBuilder<GranaryResource> cluster, string name, string[] arguments) => (IResourceBuilder<IResourceWithWaitSupport>)add(name)
        .ExcludeFromManifest()
        .WithParentRelationship(cluster)
        .WithArgs(arguments)
        .WithReference(cluster)
        .WaitFor(cluster);

    private static async Task ConfigureAsync(GranaryResource cluster, string name, EnvironmentCallbackContext context)
    {
        var variables = context.EnvironmentVariables;
        variables["Granary__Cluster__ClusterId"] = cluster.ClusterId;
        variables["Granary__Cluster__Redis"] = cluster.Redis?.ConnectionStringExpression
            ?? throw new InvalidOperationException($"The silos of {cluster.Name} have no Redis to meet in: add .WithRedis(...) to the cluster.");
        variables["Granary__Node__Name"] = name;
        variables["Granary__Node__RunRoot"] = Directory.CreateDirectory(cluster.RunRoot).FullName;
        variables["Granary__Node__DataRoot"] = cluster.DataRoot ?? cluster.RunRoot;
        variables["Granary__Security__TokensFile"] = await cluster.Tokens.WriteAsync(context.ExecutionContext.Services.GetRequiredService<IAspireStore>(), context.CancellationToken);
        foreach (var (variable, value) in cluster.Settings)
        {
            variables[variable] = value;
        }
    }
}
