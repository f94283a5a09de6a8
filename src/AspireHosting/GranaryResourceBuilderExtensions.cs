using Aspire.Hosting.ApplicationModel;
using Granary.AspireHosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>Adds Granary to an app host.</summary>
public static class GranaryResourceBuilderExtensions
{
    /// <summary>Adds a cluster of one silo, which is a process of the app host's own program. It wants a Redis: <see cref="WithRedis"/>.</summary>
    /// <typeparam name="TProject">A project that references <c>Granary.App</c> and runs its command line, and that the app host references.</typeparam>
    /// <param name="name">The cluster's name; silos are named after it.</param>
    /// <param name="token">The access token of an operator. Default: one that is made by chance, the parameter <c>NAME-token</c>.</param>
    public static IResourceBuilder<GranaryResource> AddGranary<TProject>(this IDistributedApplicationBuilder builder, [ResourceName] string name, IResourceBuilder<ParameterResource>? token = null)
        where TProject : IProjectMetadata, new() =>
        builder.AddGranary(name, token, new GranaryProgram<ProjectResource>(process => builder.AddProject<BuiltProject<TProject>>(process, Configure)));

    /// <summary>Adds a cluster of one silo, which is a process of an installed program. It wants a Redis: <see cref="WithRedis"/>.</summary>
    /// <param name="name">The cluster's name; silos are named after it.</param>
    /// <param name="program">The program's name or path, relative to the app host's folder. Default: the .NET tool <c>granary</c>.</param>
    /// <param name="token">The access token of an operator. Default: one that is made by chance, the parameter <c>NAME-token</c>.</param>
    public static IResourceBuilder<GranaryResource> AddGranary(this IDistributedApplicationBuilder builder, [ResourceName] string name, string program = "granary", IResourceBuilder<ParameterResource>? token = null) =>
        builder.AddGranary(name, token, new GranaryProgram<ExecutableResource>(process => builder.AddExecutable(process, program, builder.AppHostDirectory).WithOtlpExporter()));

    /// <summary>Sets how many silos there are, each with a slot for a worker on each device. Default: 1.</summary>
    /// <param name="count">At least as many as there are already.</param>
    public static IResourceBuilder<GranaryResource> WithSilos(this IResourceBuilder<GranaryResource> cluster, int count)
    {
        var resource = cluster.Resource;
        ArgumentOutOfRangeException.ThrowIfLessThan(count, resource.Silos.Count);
        while (resource.Silos.Count < count)
        {
            var silo = resource.Program.AddSilo(cluster, $"{resource.Name}-{resource.Silos.Count}");
            resource.Add(silo);
            if (resource.Redis is { } redis)
            {
                cluster.ApplicationBuilder.MakeWait(silo, redis);
            }
        }
        return cluster;
    }

    /// <summary>Names the Redis that silos meet in and that keeps the state of runs. Silos start when it is ready.</summary>
    /// <param name="redis">What <c>AddRedis</c> or <c>AddConnectionString</c> gives.</param>
    public static IResourceBuilder<GranaryResource> WithRedis(this IResourceBuilder<GranaryResource> cluster, IResourceBuilder<IResourceWithConnectionString> redis)
    {
        if (cluster.Resource.Redis is { } known)
        {
            throw new InvalidOperationException($"The cluster {cluster.Resource.Name} has a Redis already, {known.Name}: its silos cannot meet in {redis.Resource.Name}, too.");
        }
        cluster.Resource.Redis = redis.Resource;
        foreach (var silo in cluster.Resource.Silos)
        {
            cluster.ApplicationBuilder.MakeWait(silo, redis.Resource);
        }
        return cluster.WithReferenceRelationship(redis);
    }

    /// <summary>Names the folder that run directories lie below; <c>--out</c> is relative to it. Default: <c>runs</c>.</summary>
    /// <param name="folder">Made if it is not there; relative to the app host's folder.</param>
    public static IResourceBuilder<GranaryResource> WithRuns(this IResourceBuilder<GranaryResource> cluster, string folder)
    {
        cluster.Resource.RunRoot = cluster.PathOf(folder);
        return cluster;
    }

    /// <summary>Names the folder that runs read below; <c>--data</c> is relative to it. Default: that of <see cref="WithRuns"/>.</summary>
    /// <param name="folder">Relative to the app host's folder.</param>
    public static IResourceBuilder<GranaryResource> WithData(this IResourceBuilder<GranaryResource> cluster, string folder)
    {
        cluster.Resource.DataRoot = cluster.PathOf(folder);
        return cluster;
    }

    /// <summary>Gives all silos a setting. It counts for more than what else is set here.</summary>
    /// <param name="key">Such as <c>Granary:Node:Slots</c>.</param>
    public static IResourceBuilder<GranaryResource> WithSetting(this IResourceBuilder<GranaryResource> cluster, string key, string value)
    {
        cluster.Resource.Settings[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        return cluster;
    }

    /// <summary>
    /// Adds a run, which is submitted when the cluster serves, and whenever the resource is started again; each time it is a new run. The resource's log tells how it goes, its
    /// exit code how it has ended (0: it has succeeded), and who stops the resource, or the app host, cancels the run.
    /// </summary>
    /// <param name="name">The resource's name.</param>
    /// <param name="task">What to train.</param>
    /// <param name="arguments">Further arguments of <c>granary submit</c>, such as <c>--workers 3</c>.</param>
    public static IResourceBuilder<IResourceWithWaitSupport> AddRun(this IResourceBuilder<GranaryResource> cluster, [ResourceName] string name, string task, params string[] arguments)
    {
        var run = cluster.Resource.Program.AddRun(cluster, name, ["submit", task, "--wait", .. arguments]);
        cluster.Resource.Runs.Add(run.Resource);
        return run;
    }

    /// <summary>
    /// Tells a program where the cluster is, as <c>ConnectionStrings__NAME</c>, and as <c>GRANARY_SERVER</c> and <c>GRANARY_TOKEN</c>, by which the commands of
    /// <c>granary</c> find it and are let in as an operator.
    /// </summary>
    public static IResourceBuilder<T> WithReference<T>(this IResourceBuilder<T> program, IResourceBuilder<GranaryResource> cluster)
        where T : IResourceWithEnvironment
    {
        if (program.ApplicationBuilder.ExecutionContext.IsPublishMode && !program.Resource.IsExcludedFromPublish())
        {
            throw new InvalidOperationException($"{program.Resource.Name} refers to the cluster {cluster.Resource.Name}, which is not published. "
                + "Call .ExcludeFromManifest() before .WithReference(...), or refer to the cluster only if builder.ExecutionContext.IsRunMode.");
        }
        return program
            .WithReference((IResourceBuilder<IResourceWithConnectionString>)cluster)
            .WithEnvironment("GRANARY_SERVER", cluster.Resource.ConnectionStringExpression)
            .WithEnvironment("GRANARY_TOKEN", ReferenceExpression.Create($"{cluster.Resource.Token}"));
    }

    private static IResourceBuilder<GranaryResource> AddGranary(this IDistributedApplicationBuilder builder, string name, IResourceBuilder<ParameterResource>? token, IGranaryProgram program)
    {
        // As random as a token of granary token create, which has 256 bits: Aspire leaves out letters that look alike (i, l, o), 56 letters and digits remain.
        token ??= builder.AddParameter($"{name}-token", new GenerateParameterDefault { MinLength = 45, Special = false }, secret: true, persist: true).ExcludeFromManifest();
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, RunCancellation>());
        return builder.AddResource(new GranaryResource(name, program, token.Resource, builder.AppHostDirectory))
            .WithInitialState(ClusterState.Initial)
            .WithIconName("BrainCircuit")
            .OnInitializeResource((cluster, started, _) => AppHostPart.RunAsync(cluster, started))
            .ExcludeFromManifest()
            .WithSilos(1);
    }

    private static void Configure(ProjectResourceOptions options) => (options.ExcludeLaunchProfile, options.ExcludeKestrelEndpoints) = (true, true);

    private static void MakeWait(this IDistributedApplicationBuilder builder, IResource silo, IResource redis) =>
        builder.CreateResourceBuilder((IResourceWithWaitSupport)silo).WaitFor(builder.CreateResourceBuilder(redis));

    private static string PathOf(this IResourceBuilder<GranaryResource> cluster, string folder) => Path.GetFullPath(folder, cluster.ApplicationBuilder.AppHostDirectory);
}
