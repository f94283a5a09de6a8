using Granary.Silo;
using Granary.Silo.Diagnosis;
using Granary.Silo.Settings;

namespace Granary.Cluster.Tests.Security;

/// <summary>Whatever is wrong with how Redis is configured: nobody is told its password, nor a part of it.</summary>
public sealed class RedisPasswordTests : IDisposable
{
    private readonly string file = Path.GetTempFileName();

    public void Dispose() => File.Delete(file);

    [Theory]
    [InlineData("127.0.0.1:1,password=mel,lon", "without = behind its options")]
    [InlineData("password=mel,lon", "without = behind its options")]
    [InlineData("127.0.0.1:1,password=x,mellon=1", "an option that is not known")]
    [InlineData("127.0.0.1:1,ssl=mellon", "an option that is not known, or not like that")]
    [InlineData("127.0.0.1:1,connectTimeout=mellon", "an option that is not known, or not like that")]
    [InlineData("password=mellon", "names no host")]
    public async Task Configuration_ThatIsWrong_IsToldWithoutItself(string configuration, string expected)
    {
        var refused = Assert.Throws<ClusterStartException>(() => RedisConfiguration.Parse(configuration, "Granary:Cluster:Redis"));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Untold(refused.ToString());
        Untold((await RedisFindings.FindAsync(configuration, TimeProvider.System, default)).ToString());
        Untold((await CommandLine.RunProcessAsync([("Granary__Cluster__Redis", configuration)], "silo", "--verbose")).Error);
    }

    [Fact]
    public void Setting_ThatCannotBe_IsToldWithoutItsValue()
    {
        var refused = Assert.Throws<ClusterStartException>(() => SiloSettings.Read(null, new Dictionary<string, string> { ["Granary__Cluster__Redis"] = "127.0.0.1:1,password=mel\nlon" }));
        Assert.Equal("Granary:Cluster:Redis is wrong (Granary__Cluster__Redis): write HOST:PORT, such as 127.0.0.1:6379.", refused.Message);
    }

    [Theory]
    [InlineData("mellon\n")]
    [InlineData("mel,lon=1 \r\n")]
    public void Password_OfAFile_IsTakenAsItIs(string content)
    {
        File.WriteAllText(file, content);
        var options = RedisConfiguration.Of(new() { Redis = "redis:6380,user=granary,ssl=true", RedisPasswordFile = file }, null);
        Assert.Equal(("granary", content.TrimEnd('\r', '\n'), true), (options.User, options.Password, options.Ssl));
        Untold(options.ToString(includePassword: false));
    }

    [Fact]
    public void Password_OfAFileThatIsNotThere_IsRefusedByTheKey() => Assert.StartsWith(
        "Granary:Cluster:RedisPasswordFile cannot be read: ", Assert.Throws<ClusterStartException>(() => RedisConfiguration.Of(new() { RedisPasswordFile = "/nowhere" }, null)).Message, StringComparison.Ordinal);

    private static void Untold(string text)
    {
        Assert.DoesNotContain("mel", text, StringComparison.Ordinal);
        Assert.DoesNotContain("lon", text, StringComparison.Ordinal);
    }
}
