using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Granary.Training.Wording;

namespace Granary.Contracts;

/// <summary>A gateway, and what it takes to speak to it.</summary>
public sealed class ServerAccess
{
    /// <param name="server">Such as <c>http://127.0.0.1:8081</c>, or <c>https://granary.example:8081</c>.</param>
    /// <param name="token">By which the gateway knows who asks. Default: none.</param>
    /// <param name="authority">Certificates (PEM), one of which has signed that of the gateway. Default: those that the system trusts.</param>
    /// <exception cref="UserErrorException">The token would travel in clear, or the authority is none.</exception>
    public ServerAccess(Uri server, string? token = null, string? authority = null)
    {
        if (token is not null && server.Scheme != Uri.UriSchemeHttps && !server.IsLoopback)
        {
            throw new UserErrorException($"The token would travel in clear to {server}, for everybody on the way to read: name the server by https://.");
        }
        (Server, Token, Authority) = (server, token, authority is null ? null : Read(authority));
    }

    /// <summary>Its address.</summary>
    public Uri Server { get; }

    internal string? Token { get; }

    private X509Certificate2Collection? Authority { get; }

    internal SocketsHttpHandler CreateHandler()
    {
        var handler = DirectHttp.CreateHandler();
        if (Authority is not null)
        {
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = Trust(Authority) };
        }
        return handler;
    }

    private static X509ChainPolicy Trust(X509Certificate2Collection authority)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(authority);
        return policy;
    }

    private static X509Certificate2Collection Read(string authority)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(authority);
        }
        catch (CryptographicException)
        {
            certificates.Clear();
        }
        return certificates.Count > 0 ? certificates : throw new UserErrorException("The authority holds no certificate: name the file authority.pem that granary certificates has written, or another in PEM form.");
    }
}
