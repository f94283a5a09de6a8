using Granary.Silo.Settings;

namespace Granary.Cluster.Tests.Security;

/// <summary>What other machines reach has tokens and TLS, or somebody has said that it need not.</summary>
public sealed class SafeByDefaultTests
{
    private static readonly (string, string)[] files = [("Security__TokensFile", "/t"), ("Security__Certificate", "/c"), ("Security__Key", "/k"), ("Security__Authority", "/a")];

    [Theory]
    [InlineData("Cluster__AdvertisedAddress", "10.0.0.5", "Granary:Cluster:AdvertisedAddress '10.0.0.5' lets other machines reach this silo")]
    [InlineData("Cluster__AdvertisedAddress", "silo.example", "Granary:Cluster:AdvertisedAddress 'silo.example'")]
    [InlineData("Node__DataHost", "10.0.0.5", "Granary:Node:DataHost '10.0.0.5'")]
    public void Silo_ThatOthersReach_IsRefusedByTheKeysThatItLacks(string key, string value, string expected)
    {
        var refused = Refused((key, value));
        Assert.Contains(expected, refused, StringComparison.Ordinal);
        Assert.Contains("set Granary:Security:TokensFile, Granary:Security:Certificate, Granary:Security:Key, Granary:Security:Authority (", refused, StringComparison.Ordinal);
        Assert.Contains("Granary:Security:AllowInsecure to true", refused, StringComparison.Ordinal);

        Assert.Contains("set Granary:Security:TokensFile (", Refused([(key, value), .. files[1..]]), StringComparison.Ordinal);
        Assert.Contains("set Granary:Security:Certificate, Granary:Security:Key, Granary:Security:Authority (", Refused((key, value), files[0]), StringComparison.Ordinal);
        Assert.NotNull(Read([(key, value), .. files]));
        Assert.NotNull(Read((key, value), ("Security__AllowInsecure", "true")));
    }

    [Fact]
    public void Silo_OfOneMachine_NeedsNothing()
    {
        Assert.NotNull(Read());
        Assert.NotNull(Read(files[0]));
        Assert.NotNull(Read(files[1..]));
    }

    private static string Refused(params (string Key, string Value)[] settings) => Assert.Throws<ClusterStartException>(() => Read(settings)).Message;

    private static SiloSettings Read(params (string Key, string Value)[] settings) => SiloSettings.Read(null, settings.ToDictionary(setting => $"Granary__{setting.Key}", setting => setting.Value));
}
