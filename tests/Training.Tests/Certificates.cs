using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Tests;

/// <summary>Encryption with certificates made for the purpose.</summary>
internal static class Certificates
{
    /// <param name="trusts">Which certificates of peers are trusted, by their subject. Default: all.</param>
    public static PeerEncryption Encryption(string name = "silo", Func<string, bool>? trusts = null)
    {
        var context = Create(name);
        return new(() => context, (_, certificate, _, _) => trusts?.Invoke(certificate!.Subject) ?? true);
    }

    public static SslStreamCertificateContext Create(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTimeOffset.UtcNow;
        return SslStreamCertificateContext.Create(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddHours(-1), now.AddHours(1)), null, offline: true);
    }
}
