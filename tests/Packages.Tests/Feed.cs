using Granary.Cluster.Tests;

namespace Granary.Packages.Tests;

/// <summary>The packages of this build in a folder of their own, and a place for whoever uses them: nothing of the user's is touched.</summary>
public sealed class Feed : IAsyncLifetime
{
    /// <summary>One that no store of packages knows.</summary>
    public const string Version = "0.1.0-test";

    private static readonly string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
    private readonly string folder = Directory.CreateTempSubdirectory("granary-packages-").FullName;

    public string Packages => Path.Combine(folder, "feed");

    /// <summary>Outside of the repository, whose settings must not reach it.</summary>
    public string Work => Path.Combine(folder, "work");

    public async Task InitializeAsync()
    {
        // What others have made comes from the store that this build has filled: libtorch is neither fetched nor unpacked again.
        var store = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        Directory.CreateDirectory(Work);
        await File.WriteAllTextAsync(Path.Combine(Work, "nuget.config"), $"""
            <configuration>
              <packageSources><add key="granary" value="{Packages}" /></packageSources>
              <fallbackPackageFolders><add key="store" value="{store}" /></fallbackPackageFolders>
            </configuration>
            """);
        await DotnetAsync("pack", Repository.PathOf("Granary.slnx"), "-c", configuration, "--no-build", "-nodeReuse:false", $"-p:PackageOutputPath={Packages}", $"-p:PackageVersion={Version}");
        await DotnetAsync("new", "install", Path.Combine(Packages, $"Granary.Templates.{Version}.nupkg"), "--debug:custom-hive", Hive);
    }

    public Task DisposeAsync()
    {
        Directory.Delete(folder, recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>Makes a program of the template.</summary>
    /// <returns>Its folder.</returns>
    public async Task<string> NewTaskAsync(string name)
    {
        var program = Path.Combine(Work, name);
        await DotnetAsync("new", "granary-task", "-o", program, "--granary-version", Version, "--debug:custom-hive", Hive);
        return program;
    }

    /// <returns>What it says.</returns>
    public Task<string> DotnetAsync(params string[] arguments) => RunAsync("dotnet", arguments);

    /// <returns>What it says.</returns>
    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = CommandLine.Start(program, arguments, [("NUGET_PACKAGES", Path.Combine(folder, "store"))]);
        try
        {
            var result = await CommandLine.EndAsync(process);
            Assert.True(result.ExitCode == 0, $"{program} {string.Join(' ', arguments)}:\n{result.Output}\n{result.Error}");
            return result.Output;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private string Hive => Path.Combine(folder, "hive");
}
