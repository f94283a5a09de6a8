using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Granary.Silo.Security;
using Granary.Silo.Settings;
using StackExchange.Redis;

namespace Granary.Silo;

/// <summary>How somebody wants Redis to be reached. It may hold a password: messages tell nothing of it but what it was set by.</summary>
internal static class RedisConfiguration
{
    /// <param name="setting">What it was given by.</param>
    /// <exception cref="ClusterStartException">It cannot be understood.</exception>
    public static ConfigurationOptions Parse(string text, string setting)
    {
        // Behind a comma, a part of a password would be taken for an address, and told as one.
        var parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (parts.SkipWhile(part => !part.Contains('=')).Any(part => !part.Contains('=')))
        {
            throw Wrong("has something without = behind its options");
        }
        try
        {
            var options = ConfigurationOptions.Parse(text);
            return options.EndPoints.Count > 0 ? options : throw Wrong("names no host");
        }
        catch (ArgumentException)
        {
            throw Wrong("has an option that is not known, or not like that");
        }

        // The reason that Redis' client gives may repeat a part of a password: it is not passed on.
        ClusterStartException Wrong(string how) => new($"{setting} cannot be understood: it {how}. Write HOST:PORT, such as 127.0.0.1:6379, and behind it, where needed, ,user=NAME,password=WORD,ssl=true.");
    }

    /// <param name="certificates">With TLS, Redis is also trusted if the authority has signed for its name, and can ask for the silo's own.</param>
    /// <exception cref="ClusterStartException">It cannot be understood, or the file of the password cannot be read.</exception>
    public static ConfigurationOptions Of(SiloClusterOptions cluster, ClusterCertificates? certificates)
    {
        var options = Parse(cluster.Redis, $"{SiloClusterOptions.Section}:{nameof(cluster.Redis)}");
        if (cluster.RedisPasswordFile is { } path)
        {
            options.Password = ReadPassword(path);
        }
        if (certificates is not null)
        {
            options.CertificateSelection += (_, _, _, _, _) => certificates.Certificate;
            options.CertificateValidation += (_, certificate, _, errors) =>
                errors == SslPolicyErrors.None || (errors == SslPolicyErrors.RemoteCertificateChainErrors && certificate is X509Certificate2 signed && certificates.Vouches(signed));
        }
        return options;
    }

    private static string ReadPassword(string path)
    {
        try
        {
            return File.ReadAllText(path).TrimEnd('\r', '\n');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ClusterStartException($"{SiloClusterOptions.Section}:{nameof(SiloClusterOptions.RedisPasswordFile)} cannot be read: {error.Message}", error);
        }
    }
}
