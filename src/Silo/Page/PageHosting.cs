using System.Text.Json;
using Granary.Grains.Nodes;
using Granary.Silo.Directories;
using Granary.Silo.Security;
using Granary.Training.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace Granary.Silo.Page;

/// <summary>What the page tells about the program that serves it.</summary>
internal sealed record PageVersion(string Text);

/// <summary>The page on which people look at runs: its files, what it asks for, and the stream by which it stays up to date.</summary>
public static class PageHosting
{
    // A token and a few words around it.
    private const int LargestRequest = 1 << 14;

    /// <summary>For the runs of the cluster that the gateway belongs to.</summary>
    public static void AddPage(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ClusterRuns>().AddSingleton<IRunSource>(services => services.GetRequiredService<ClusterRuns>());
        builder.Services.AddSingleton(services => services.GetRequiredService<TrainingEnvironment>().Tasks);
        builder.Services.AddSingleton(services => new PageVersion(services.GetRequiredService<TrainingEnvironment>().Versions.GetValueOrDefault("granary", "")));
        AddCommon(builder.Services);
    }

    /// <summary>For the runs whose directories lie in a folder.</summary>
    /// <param name="folder">Or the directory of a run.</param>
    public static void AddPage(this WebApplicationBuilder builder, string folder, TaskCatalog tasks, string version)
    {
        builder.Services.AddSingleton<IRunSource>(new DirectoryRuns(new RunDirectories(folder)));
        builder.Services.AddSingleton(tasks).AddSingleton(new PageVersion(version));
        AddCommon(builder.Services);
    }

    /// <summary>After the gateway's guards.</summary>
    public static void MapPage(this WebApplication app)
    {
        app.MapPageFiles();
        var api = app.MapGroup(TokenAuthentication.PagePath).AddEndpointFilter<PageGuard>().WithMetadata(new RequestSizeLimitAttribute(LargestRequest));
        api.MapSignIn();
        api.MapRuns();
        api.MapWords();
        api.MapStream();
        if (app.Services.GetRequiredService<IRunSource>().HasCluster)
        {
            api.MapCluster();
            api.MapChanges();
        }
    }

    private static void AddCommon(IServiceCollection services)
    {
        services.AddSingleton<RunHub>().AddSingleton<CurveCache>().AddSingleton<WordMaps>();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.CamelCase);
    }
}
