using System.Runtime.Versioning;
using Granary.Silo.Security;
using Granary.Training.Wording;

namespace Granary.Cluster.Tests.Security;

[UnsupportedOSPlatform("windows")]
public sealed class AccessTokenFileTests : IDisposable
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly Secrets secrets = new();

    public void Dispose() => secrets.Dispose();

    [Fact]
    public void File_HoldsNoToken_AndIsItsOwnersAlone()
    {
        var text = File.ReadAllText(secrets.TokensFile);
        Assert.DoesNotContain(secrets.Viewer, text, StringComparison.Ordinal);
        Assert.Matches("^vic viewer [0-9a-f]{64} 1970-01-01T00:00:00Z\nolga operator [0-9a-f]{64} 1970-01-01T00:00:00Z\n$", text);
        Assert.Equal(Owner, File.GetUnixFileMode(secrets.TokensFile));
        Assert.Equal(secrets.Viewer.Length, "granary_".Length + 43); // 32 bytes of chance
    }

    [Fact]
    public void File_KeepsItsModeAndItsComments()
    {
        File.SetUnixFileMode(secrets.TokensFile, Owner | UnixFileMode.GroupRead);
        File.AppendAllText(secrets.TokensFile, "# those of the night shift");
        secrets.Add("nina", Roles.Viewer);
        AccessTokenFile.Remove(secrets.TokensFile, "vic");
        Assert.Equal(Owner | UnixFileMode.GroupRead, File.GetUnixFileMode(secrets.TokensFile));
        Assert.Equal(["olga", "nina"], AccessTokenFile.Read(secrets.TokensFile).Select(token => token.Name));
        Assert.Contains("# those of the night shift\nnina ", File.ReadAllText(secrets.TokensFile), StringComparison.Ordinal);
    }

    [Fact]
    public void Line_OfAnAspireAppHost_IsAToken()
    {
        File.WriteAllText(secrets.TokensFile, $"aspire operator {new string('0', 64)} 2026-01-02T03:04:05Z\n"); // as Granary.AspireHosting writes it
        Assert.Equal(("aspire", Roles.Operator), AccessTokenFile.Read(secrets.TokensFile).Select(token => (token.Name, token.Role)).Single());
    }

    [Fact]
    public void Names_AreThereOnce()
    {
        Assert.Contains("has a token named 'vic' already", Assert.Throws<UserErrorException>(() => secrets.Add("vic", Roles.Operator)).Message, StringComparison.Ordinal);
        Assert.Contains("has no token named 'eve'. It has: vic, olga.", Assert.Throws<UserErrorException>(() => AccessTokenFile.Remove(secrets.TokensFile, "eve")).Message, StringComparison.Ordinal);
        Assert.Throws<UserErrorException>(() => secrets.Add("v ic", Roles.Operator));
        Assert.Throws<UserErrorException>(() => secrets.Add("", Roles.Operator));
    }

    [Theory]
    [InlineData("vic")]
    [InlineData("vic admin 0000000000000000000000000000000000000000000000000000000000000000 2026-01-01T00:00:00Z")]
    [InlineData("vic viewer 00 2026-01-01T00:00:00Z")]
    [InlineData("vic viewer 0000000000000000000000000000000000000000000000000000000000000000 yesterday")]
    public void Line_ThatIsNoToken_IsRefusedByItsNumber(string line)
    {
        File.WriteAllText(secrets.TokensFile, $"# tokens\n\n{line}\n");
        Assert.Contains("Line 3 of", Assert.Throws<UserErrorException>(() => AccessTokenFile.Read(secrets.TokensFile)).Message, StringComparison.Ordinal);
    }
}
