using Granary.Silo.Settings;

namespace Granary.Cluster.Tests;

public sealed class SiloSettingsTests : IDisposable
{
    private readonly string file = Path.GetTempFileName();

    public void Dispose() => File.Delete(file);

    [Theory]
    [InlineData("Node__Slots", "two", "Granary:Node:Slots is 'two' (Granary__Node__Slots): write a whole number from 0 to 1024.")]
    [InlineData("Node__Slots", "-1", "a whole number from 0 to 1024")]
    [InlineData("Node__Slots", "1.5", "a whole number from 0 to 1024")]
    [InlineData("Node__DataPort", "70000", "a whole number from 0 to 65535")]
    [InlineData("Cluster__GrpcPort", "0", "a whole number from 1 to 65535")]
    [InlineData("Node__Patience", "60", "Granary:Node:Patience is '60' (Granary__Node__Patience): write hours:minutes:seconds, such as 00:01:00")]
    [InlineData("Node__Grace", "30s", "write hours:minutes:seconds")]
    [InlineData("Node__Grace", "-00:00:30", "write hours:minutes:seconds")]
    [InlineData("Node__Transport", "Pigeon", "write Auto or Tcp or Unix or SharedMemory")]
    [InlineData("Node__Transport", "1", "write Auto or Tcp or Unix or SharedMemory")]
    [InlineData("Node__Name", "a/b", "1 to 100 letters, digits, dots, dashes or underscores")]
    [InlineData("Node__DataRoot", "data", "Granary:Node:DataRoot is 'data' (Granary__Node__DataRoot): write a folder's path from the root on, such as /data.")]
    [InlineData("Limits__Steps", "0", "a whole number from 1 to 1000000000000")]
    [InlineData("Cluster__ClusterId", "two words", "1 to 100 letters, digits, dots, dashes or underscores")]
    [InlineData("Cluster__AdvertisedAddress", "http://here", "an IPv4 address, such as 10.0.0.5, or a name")]
    [InlineData("Cluster__AdvertisedAddress", "0.0.0.0", "write this machine's own address")]
    [InlineData("Cluster__AdvertisedAddress", "010.0.0.5", "which stands for 8.0.0.5")]
    [InlineData("Node__Slots", "\u001b[31m", "Granary:Node:Slots is '?[31m'")]
    [InlineData("Node__Slotz", "1", "There is no setting Granary:Node:Slotz (Granary__Node__Slotz). Did you mean Granary:Node:Slots?")]
    [InlineData("Cluster__GatewayPort", "30000", "Granary:Cluster:GatewayPort (Granary__Cluster__GatewayPort) is no setting any more")]
    [InlineData("Security__AllowInsecure", "yes", "write true or false")]
    [InlineData("Security__Key", "/key.pem", "Granary:Security:Certificate and Granary:Security:Authority are missing")]
    [InlineData("Cluster__SiloPort", "8080", "Granary:Cluster:SiloPort and Granary:Cluster:HttpPort are 8080 alike")]
    public void Settings_WithAWrongKeyOrValue_AreRefusedWithWhatToWrite(string key, string value, string expected) =>
        Assert.Contains(expected, Refused(new() { [$"Granary__{key}"] = value }), StringComparison.Ordinal);

    [Theory]
    [InlineData("{ not json")]
    [InlineData("[]")]
    [InlineData("{\"Granary\":{\"Node\":{\"Slots\":1,\"slots\":2}}}")]
    public void Settings_OfAFileThatCannotBeRead_AreRefusedWithItsName(string json)
    {
        File.WriteAllText(file, json);
        Assert.StartsWith($"{file} cannot be read as JSON: ", Refused([]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"Granery\":{\"Node\":{\"Slots\":2}}}", "There is no setting Granery:Node:Slots ", "Granary:Node:Slots?")]
    [InlineData("{\"Granary\":{\"Node\":{\"Slots\":[1,2]}}}", "There is no setting Granary:Node:Slots:0 ", "Granary:Node:Slots?")]
    [InlineData("{\"Granary\":{\"Node\":4}}", "There is no setting Granary:Node ", "?")]
    public void Settings_OfAFileWithUnknownKeys_AreRefusedWithTheNearest(string json, string unknown, string nearest)
    {
        File.WriteAllText(file, json);
        Assert.Contains(unknown, Refused([]), StringComparison.Ordinal);
        Assert.EndsWith(nearest, Refused([]), StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_OfTheEnvironment_OverrideTheFile_AndEmptyOnesAreNotThere()
    {
        File.WriteAllText(file, """{ "Granary": { "Node": { "Slots": 3, "Name": "one", "Patience": "0:02:0" }, "Cluster": { "AdvertisedAddress": "10.0.0.5", "Redis": null }, "Security": { "AllowInsecure": true } } }""");
        var settings = SiloSettings.Read(file, new Dictionary<string, string> { ["GRANARY__Node__Name"] = "two", ["Granary__Node__Slots"] = "", ["GRANARY_PORT"] = "tcp://1.2.3.4:5" });
        Assert.Equal((3, "two", TimeSpan.FromMinutes(2), "10.0.0.5", "127.0.0.1:6379"), (settings.Node.Slots, settings.Node.Name, settings.Node.Patience, settings.Node.DataHost, settings.Cluster.Redis));
    }

    [Fact]
    public void Settings_ByDefault_AreThoseOfTheClasses()
    {
        var settings = SiloSettings.Read(null, new Dictionary<string, string>());
        Assert.Equal((1, "127.0.0.1", TimeSpan.FromSeconds(30)), (settings.Node.Slots, settings.Node.DataHost, settings.Node.Grace));
    }

    /// <summary>With the file, if a test has written one.</summary>
    private string Refused(Dictionary<string, string> environment) =>
        Assert.Throws<ClusterStartException>(() => SiloSettings.Read(new FileInfo(file).Length > 0 ? file : null, environment)).Message;
}
