using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Granary.Cluster.Tests;

namespace Granary.AspireHosting.Tests;

public sealed class ClusterTests : IDisposable
{
    private readonly UnstartedAppHost host = new();

    public void Dispose() => host.Dispose();

    [Fact]
    public async Task Silo_IsToldItsNameItsClusterAndThePortsThatItIsToListenOn()
    {
        var cluster = host.AddCluster().WithSilos(3).WithData("data").WithSetting("Granary:Node:Slots", "2");
        Assert.Equal(["granary-0", "granary-1", "granary-2"], cluster.Resource.Silos.Select(silo => silo.Name));

        var (arguments, variables) = await host.ConfigureAsync(cluster.Resource.Silos[1]);
        Assert.Equal(["silo"], arguments);
        Assert.Equal("granary-1", variables["Granary__Node__Name"]);
        Assert.Equal("redis.example:6379,password=word", variables["Granary__Cluster__Redis"]);
        Assert.Equal(["50000", "50001", "50002"], new[] { "SiloPort", "GrpcPort", "HttpPort" }.Select(port => variables[$"Granary__Cluster__{port}"]));
        Assert.Equal(Path.Combine(host.AppHostFolder, "runs"), variables["Granary__Node__RunRoot"]);
        Assert.True(Directory.Exists(variables["Granary__Node__RunRoot"]));
        Assert.Equal(Path.Combine(host.AppHostFolder, "data"), variables["Granary__Node__DataRoot"]);
        Assert.Equal("2", variables["Granary__Node__Slots"]);
        Assert.Equal("http://localhost:4317", variables["OTEL_EXPORTER_OTLP_ENDPOINT"]);
        // The silo listens where its own settings say, and knows callers by their connections.
        Assert.DoesNotContain(variables.Keys, name => name.StartsWith("ASPNETCORE_", StringComparison.Ordinal));
        Assert.Equal(variables["Granary__Cluster__ClusterId"], (await host.ConfigureAsync(cluster.Resource.Silos[2])).Variables["Granary__Cluster__ClusterId"]);
    }

    [Fact]
    public async Task Silo_IsToldSettingsThatThereAre()
    {
        var settings = Repository.Read("docs/operations.md");
        var (_, variables) = await host.ConfigureAsync(host.AddCluster().Resource.Silos[0]);
        Assert.All(variables.Keys.Where(name => name.StartsWith("Granary__", StringComparison.Ordinal)), name => Assert.Contains($"| `{name.Replace("__", ":", StringComparison.Ordinal)}` |", settings, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("docs/operations.md", "`granary silo ")]
    [InlineData("docs/operations.md", "`/healthz`")]
    [InlineData("docs/command-line.md", "`submit --wait`")]
    [InlineData("docs/command-line.md", "| `GRANARY_SERVER` |")]
    [InlineData("docs/command-line.md", "| `GRANARY_TOKEN` |")]
    public void Name_IsOneOfTheProgram(string page, string name) => Assert.Contains(name, Repository.Read(page), StringComparison.Ordinal);

    [Fact]
    public void Silos_ShareNoPort()
    {
        var endpoints = host.AddCluster().WithSilos(2).Resource.Silos.SelectMany(silo => silo.Annotations.OfType<EndpointAnnotation>()).ToList();
        Assert.Equal(6, endpoints.Count);
        Assert.All(endpoints, endpoint => Assert.Equal((null, null), (endpoint.Port, endpoint.TargetPort))); // Aspire chooses free ones
    }

    [Fact]
    public async Task Token_IsKnownToSilosByItsHashInAFileOfItsOwner()
    {
        var danish = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        danish.DateTimeFormat.TimeSeparator = ".";
        CultureInfo.CurrentCulture = danish;
        var cluster = host.AddCluster().WithSilos(2);
        var file = (await host.ConfigureAsync(cluster.Resource.Silos[0])).Variables["Granary__Security__TokensFile"];
        // AccessTokenFileTests read such a line.
        Assert.Matches($@"^aspire operator {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(UnstartedAppHost.Token)))} \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ\r?\n\z", await File.ReadAllTextAsync(file));
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(file) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.True(cluster.Resource.Token.Secret);

        File.Delete(file);
        Assert.Equal(file, (await host.ConfigureAsync(cluster.Resource.Silos[1])).Variables["Granary__Security__TokensFile"]);
        Assert.False(File.Exists(file)); // it is not written again while other silos may read it
    }

    [Fact]
    public async Task Token_IsMadeByChance() => Assert.Matches(@"^[A-Za-z0-9]{45}\z", await host.Builder.AddGranary<UnstartedAppHost.OwnModel>("another").Resource.Token.GetValueAsync(default));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Silos_WaitForRedis_WhicheverIsNamedFirst(bool redisFirst)
    {
        var redis = host.Builder.AddConnectionString("redis");
        var cluster = host.Builder.AddGranary<UnstartedAppHost.OwnModel>("granary");
        _ = redisFirst ? cluster.WithRedis(redis).WithSilos(3) : cluster.WithSilos(3).WithRedis(redis);
        Assert.All(cluster.Resource.Silos, silo => Assert.Same(redis.Resource, Assert.Single(silo.Annotations.OfType<WaitAnnotation>()).Resource));
    }

    [Fact]
    public void Cluster_HasOneRedis() => Assert.Equal(
        "The cluster granary has a Redis already, redis: its silos cannot meet in other, too.",
        Assert.Throws<InvalidOperationException>(() => host.AddCluster().WithRedis(host.Builder.AddConnectionString("other"))).Message);

    [Fact]
    public async Task Silo_WithoutRedis_DoesNotStartAndSaysWhatToAdd()
    {
        var cluster = host.Builder.AddGranary<UnstartedAppHost.OwnModel>("granary");
        var wrong = await Assert.ThrowsAsync<InvalidOperationException>(() => host.ConfigureAsync(cluster.Resource.Silos[0]));
        Assert.Equal("The silos of granary have no Redis to meet in: add .WithRedis(...) to the cluster.", wrong.Message);
    }

    [Fact]
    public void Silos_AreNotTakenAway() => Assert.Throws<ArgumentOutOfRangeException>(() => host.AddCluster().WithSilos(3).WithSilos(2));

    [Fact]
    public async Task Run_IsSubmittedToTheClusterWhenThatServes()
    {
        var cluster = host.AddCluster();
        var run = cluster.AddRun("digits", "digits", "--workers", "3").Resource;
        Assert.Same(cluster.Resource, Assert.Single(run.Annotations.OfType<WaitAnnotation>()).Resource);

        var (arguments, variables) = await host.ConfigureAsync(run);
        Assert.Equal(["submit", "digits", "--wait", "--workers", "3"], arguments);
        Assert.Equal(cluster.Resource.Gateway.Address, variables["GRANARY_SERVER"]);
        Assert.Equal(UnstartedAppHost.Token, variables["GRANARY_TOKEN"]);
    }

    [Fact]
    public async Task Program_ThatReferencesTheCluster_FindsIt()
    {
        var cluster = host.AddCluster();
        var (_, variables) = await host.ConfigureAsync(host.Builder.AddExecutable("client", "client", ".").WithReference(cluster).Resource);
        Assert.Equal(cluster.Resource.Gateway.Address, variables["ConnectionStrings__granary"]);
        Assert.Equal(cluster.Resource.Gateway.Address, variables["GRANARY_SERVER"]);
        Assert.Equal(UnstartedAppHost.Token, variables["GRANARY_TOKEN"]);
    }

    [Fact]
    public void Cluster_IsNotPublished_NorCanAProgramThatIsReferToIt()
    {
        using var published = new UnstartedAppHost("--AppHost:Operation=publish");
        var cluster = published.AddCluster();
        cluster.AddRun("digits", "digits");
        Assert.Equal(["redis"], published.Builder.Resources.Where(resource => !resource.IsExcludedFromPublish()).Select(resource => resource.Name));

        var client = published.Builder.AddExecutable("client", "client", ".");
        Assert.StartsWith("client refers to the cluster granary, which is not published. ", Assert.Throws<InvalidOperationException>(() => client.WithReference(cluster)).Message, StringComparison.Ordinal);
        client.ExcludeFromManifest().WithReference(cluster);
    }

    [Fact]
    public async Task Silo_OfAnInstalledProgram_IsAProcessOfThat()
    {
        var silo = Assert.IsType<ExecutableResource>(host.Builder.AddGranary("granary", "tools/granary").WithRedis(host.Builder.AddConnectionString("redis")).Resource.Silos[0]);
        Assert.Equal("tools/granary", silo.Command);
        var (arguments, variables) = await host.ConfigureAsync(silo);
        Assert.Equal(["silo"], arguments);
        Assert.Equal("http://localhost:4317", variables["OTEL_EXPORTER_OTLP_ENDPOINT"]);
    }

    [Fact]
    public void Silo_OfAProject_IsNotBuiltOnceMoreWhenItStarts() =>
        Assert.True(host.AddCluster().Resource.Silos[0].Annotations.OfType<IProjectMetadata>().Single().SuppressBuild);
}
