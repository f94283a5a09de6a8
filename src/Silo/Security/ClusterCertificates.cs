using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Granary.Training.Exchange.Links;
using Granary.Training.Wording;
using Microsoft.Extensions.Logging;

namespace Granary.Silo.Security;

/// <summary>
/// This silo's certificate as it is now, and what proves that another is a silo of the same cluster: a certificate that the authority has signed. Addresses of silos come and
/// go, so no name in it matters. Options are made for each connection anew: a certificate that is replaced holds from the next one on.
/// </summary>
public sealed class ClusterCertificates : IDisposable
{
    private readonly FollowedFiles<Identity> files;

    /// <exception cref="UserErrorException">The files cannot be used, or do not belong together.</exception>
    public ClusterCertificates(SecurityOptions options, TimeProvider time, ILogger<ClusterCertificates> logger)
    {
        string[] paths = [options.Certificate!, options.Key!, options.Authority!];
        files = new(paths, content => new(paths, [.. content.Select(Encoding.UTF8.GetString)], time.GetUtcNow()), _ => { }, time, logger);
    }

    public X509Certificate2 Certificate => files.Current.Certificate;

    /// <summary>For the gateway: clients prove who they are by their tokens.</summary>
    public SslServerAuthenticationOptions ForClients() => new() { ServerCertificateContext = files.Current.Chain };

    /// <summary>For connections that other silos make to this one.</summary>
    public SslServerAuthenticationOptions FromSilos() => new()
    {
        ServerCertificateContext = files.Current.Chain,
        ClientCertificateRequired = true,
        CertificateChainPolicy = files.Current.Trust(),
        RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsSilo(certificate, errors),
    };

    /// <summary>For connections that this silo makes to others.</summary>
    public SslClientAuthenticationOptions ToSilos() => new()
    {
        ClientCertificateContext = files.Current.Chain,
        CertificateChainPolicy = files.Current.Trust(),
        RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsSilo(certificate, errors),
    };

    /// <summary>For connections that carry gradients from machine to machine.</summary>
    public PeerEncryption ForGradients() => new(() => files.Current.Chain, (_, certificate, _, _) => certificate is X509Certificate2 theirs && Vouches(theirs));

    /// <param name="errors">What was found under the policy of these options.</param>
    public static bool IsSilo(X509Certificate? certificate, SslPolicyErrors errors) => certificate is not null && (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None;

    /// <summary>Whether the authority has signed a certificate.</summary>
    public bool Vouches(X509Certificate2 certificate) => files.Current.Vouches(certificate);

    public void Dispose() => files.Dispose();

    private sealed class Identity
    {
        private readonly X509Certificate2Collection roots = [], between = [];

        public Identity(string[] paths, string[] texts, DateTimeOffset now)
        {
            var authority = new X509Certificate2Collection();
            authority.ImportFromPem(texts[2]);
            between.ImportFromPem(texts[0]);
            foreach (var one in authority)
            {
                (one.SubjectName.RawData.AsSpan().SequenceEqual(one.IssuerName.RawData) ? roots : between).Add(one);
            }
            Certificate = X509Certificate2.CreateFromPem(texts[0], texts[1]);
            Chain = SslStreamCertificateContext.Create(Certificate, between, offline: true);
            if (Certificate.NotAfter < now.LocalDateTime)
            {
                throw new UserErrorException($"{paths[0]} has expired ({Certificate.NotAfter:yyyy-MM-dd}). Put a new certificate in its place.");
            }
            if (!Vouches(Certificate))
            {
                throw new UserErrorException($"{paths[0]} is not signed by the authority {paths[2]}.");
            }
        }

        public X509Certificate2 Certificate { get; }

        public SslStreamCertificateContext Chain { get; }

        public X509ChainPolicy Trust()
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
            policy.CustomTrustStore.AddRange(roots);
            policy.ExtraStore.AddRange(between);
            return policy;
        }

        public bool Vouches(X509Certificate2 certificate)
        {
            using var chain = new X509Chain { ChainPolicy = Trust() };
            return chain.Build(certificate);
        }
    }
}
