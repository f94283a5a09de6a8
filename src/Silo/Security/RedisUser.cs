using System.Security.Cryptography;

namespace Granary.Silo.Security;

/// <summary>The only user of a cluster's Redis.</summary>
public static class RedisUser
{
    private const int PasswordBytes = 32;

    /// <summary>Writes <c>redis-password</c>, a new password of the user <c>granary</c>, and <c>redis.acl</c>, by which Redis knows it and nobody else; what is there stays.</summary>
    /// <returns>The files, and what each is for.</returns>
    /// <exception cref="Training.Wording.UserErrorException">The folder cannot be written.</exception>
    public static IReadOnlyList<(string Path, string Use)> Write(string folder)
    {
        var (password, users) = (Path.Combine(folder, "redis-password"), Path.Combine(folder, "redis.acl"));
        if (!File.Exists(password))
        {
            var text = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(PasswordBytes));
            OwnFile.Write(users, $"user default off\nuser granary on #{Convert.ToHexStringLower(AccessToken.HashOf(text))} ~* &* +@all\n");
            OwnFile.Write(password, text + "\n");
        }
        return [(password, "Granary:Cluster:RedisPasswordFile, of the user granary"), (users, "tells Redis its hash (--aclfile)")];
    }
}
