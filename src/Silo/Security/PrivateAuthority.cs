using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Granary.Training.Wording;

namespace Granary.Silo.Security;

/// <summary>An authority of one's own, and the certificates that a cluster needs of it.</summary>
public static partial class PrivateAuthority
{
    private const string KeptApart = "keep-apart", ServerUsage = "1.3.6.1.5.5.7.3.1", ClientUsage = "1.3.6.1.5.5.7.3.2";
    private static readonly TimeSpan AuthorityTime = TimeSpan.FromDays(3650), CertificateTime = TimeSpan.FromDays(365), ClocksApart = TimeSpan.FromHours(1);

    /// <summary>
    /// Writes <c>silo.pem</c> and <c>redis.pem</c>, valid for a year, each with its key: by the former a silo proves to be one, by the latter Redis proves its name, and no more. An authority
    /// (<c>authority.pem</c>, ten years, its key in a folder of its own) that is there signs them; else one is made.
    /// </summary>
    /// <param name="hosts">The names and addresses that clients reach silos and Redis by.</param>
    /// <returns>The files, and what each is for.</returns>
    /// <exception cref="UserErrorException">The folder cannot be written, or what is there is no authority.</exception>
    public static IReadOnlyList<(string Path, string Use)> Write(string folder, IReadOnlyList<string> hosts, DateTimeOffset now)
    {
        if (hosts.FirstOrDefault(host => !HostForm().IsMatch(host)) is { } wrong)
        {
            throw new UserErrorException($"'{Shown.Value(wrong)}' is no host: write a name, *.name, or an address.");
        }
        var (certificate, key) = (Path.Combine(folder, "authority.pem"), Path.Combine(folder, KeptApart, "authority.key"));
        using var authority = File.Exists(certificate) ? Read(certificate, key) : Create(certificate, key, now);
        return
        [
            (certificate, "tells clients and silos whom to trust: Granary:Security:Authority, granary login --authority"),
            (key, "signs certificates: keep it where no silo reads it"),
            .. Issue(folder, "silo", authority, hosts, [ServerUsage, ClientUsage], now).Zip(["a silo's: Granary:Security:Certificate", "its key: Granary:Security:Key"]),
            .. Issue(folder, "redis", authority, hosts, [ServerUsage], now).Zip(["for a Redis that speaks TLS (--tls-cert-file)", "its key (--tls-key-file)"]),
        ];
    }

    private static X509Certificate2 Read(string certificate, string key)
    {
        try
        {
            return X509Certificate2.CreateFromPemFile(certificate, key);
        }
        catch (Exception error) when (error is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{certificate} and {key} are no authority to sign with: {error.Message}", error);
        }
    }

    private static X509Certificate2 Create(string certificate, string key, DateTimeOffset now)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Granary authority", pair, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        var made = request.CreateSelfSigned(now - ClocksApart, now + AuthorityTime);
        OwnFile.Write(key, pair.ExportPkcs8PrivateKeyPem() + "\n");
        OwnFile.Write(certificate, made.ExportCertificatePem() + "\n");
        return made;
    }

    private static string[] Issue(string folder, string name, X509Certificate2 authority, IReadOnlyList<string> hosts, string[] usages, DateTimeOffset now)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=Granary {name}", pair, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. usages.Select(usage => new Oid(usage))], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        request.CertificateExtensions.Add(NamesOf(hosts));
        var until = now + CertificateTime < authority.NotAfter ? now + CertificateTime : authority.NotAfter;
        using var made = request.Create(authority, now - ClocksApart, until, RandomNumberGenerator.GetBytes(16));
        var (certificate, key) = (Path.Combine(folder, $"{name}.pem"), Path.Combine(folder, $"{name}.key"));
        OwnFile.Write(key, pair.ExportPkcs8PrivateKeyPem() + "\n");
        OwnFile.Write(certificate, made.ExportCertificatePem() + "\n");
        return [certificate, key];
    }

    [GeneratedRegex(@"^((\*\.)?[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45})\z")]
    private static partial Regex HostForm();

    private static X509Extension NamesOf(IReadOnlyList<string> hosts)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts.Distinct())
        {
            if (IPAddress.TryParse(host, out var address))
            {
                names.AddIpAddress(address);
            }
            else
            {
                names.AddDnsName(host);
            }
        }
        return names.Build();
    }
}
