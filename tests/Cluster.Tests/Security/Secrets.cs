using Granary.Silo.Security;

namespace Granary.Cluster.Tests.Security;

/// <summary>A folder with the files that granary token and granary certificates write.</summary>
internal sealed class Secrets : IDisposable
{
    public Secrets()
    {
        Viewer = Add("vic", Roles.Viewer);
        Operator = Add("olga", Roles.Operator);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public string Viewer { get; }

    public string Operator { get; }

    public string TokensFile => In("tokens");

    public SecurityOptions Tokens => new() { TokensFile = TokensFile };

    public string Add(string name, string role)
    {
        var (token, text) = AccessToken.Create(name, role, DateTimeOffset.UnixEpoch);
        AccessTokenFile.Add(TokensFile, token);
        return text;
    }

    /// <summary>Certificates of the authority in a folder of that name, which is made if it is not there.</summary>
    public SecurityOptions Certificates(string authority = "ours", string name = "silo", DateTimeOffset? now = null)
    {
        PrivateAuthority.Write(In(authority), ["localhost", "127.0.0.1"], now ?? TimeProvider.System.GetUtcNow());
        return new() { Certificate = In(authority, $"{name}.pem"), Key = In(authority, $"{name}.key"), Authority = In(authority, "authority.pem") };
    }

    public string In(params string[] names) => Path.Combine([Folder, .. names]);

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
