using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// How connections between machines are encrypted. The two shake hands by TLS 1.3, with a certificate on either side, and tell each other
/// by it the keys of an <see cref="EncryptedLink"/>. That a certificate is the peer's, and not that of somebody in between, both sides
/// have proved with the round's key before, so names in certificates do not matter.
/// </summary>
/// <param name="certificate">This process's own, with its private key; asked for whenever a round meets, so that a renewed one serves from then on.</param>
/// <param name="isTrusted">Whether a peer's is one of the cluster's. The chain it is given was built without looking anything up.</param>
public sealed class PeerEncryption(Func<SslStreamCertificateContext> certificate, RemoteCertificateValidationCallback isTrusted)
{
    private static readonly byte[] HasTheKey = [1];

    /// <summary>The certificate for the connections of a round.</summary>
    internal SslStreamCertificateContext Certificate => certificate();

    internal static Digest HashOf(X509Certificate certificate) => Digest.Of(certificate.GetRawCertData());

    /// <summary>Agrees with the other side on keys; waits until both have them.</summary>
    /// <param name="isCalled">Which of the two sides this is.</param>
    /// <param name="theirs">The hash of the certificate that the peer must have.</param>
    /// <exception cref="IOException">The peer has another certificate, or one that is not trusted, or does not encrypt.</exception>
    internal LinkKeys Agree(Socket socket, bool isCalled, SslStreamCertificateContext mine, Digest theirs)
    {
        string? refusal = null;
        bool IsTrusted(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
        {
            refusal = certificate is null || HashOf(certificate) != theirs ? "its certificate is not the one that it has proved to have"
                : !isTrusted(sender, certificate, chain, errors) ? $"its certificate, {certificate.Subject}, is not trusted here"
                : null;
            return refusal is null;
        }
        using var tls = new SslStream(new NetworkStream(socket, ownsSocket: false));
        try
        {
            var keys = new LinkKeys(RandomNumberGenerator.GetBytes(LinkKeys.Bytes), new byte[LinkKeys.Bytes]);
            // In turns, so that TLS, which reads what is there, never takes a byte that is not its own.
            if (isCalled)
            {
                tls.AuthenticateAsServer(new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = mine,
                    ClientCertificateRequired = true,
                    RemoteCertificateValidationCallback = IsTrusted,
                    CertificateChainPolicy = WithoutLookingUp(),
                    EnabledSslProtocols = SslProtocols.Tls13,
                    AllowTlsResume = false,
                });
                tls.ReadExactly(keys.Theirs);
                tls.Write(keys.Mine);
                PeerTalk.Read(socket, HasTheKey.Length);
            }
            else
            {
                tls.AuthenticateAsClient(new SslClientAuthenticationOptions
                {
                    TargetHost = "",
                    ClientCertificateContext = mine,
                    RemoteCertificateValidationCallback = IsTrusted,
                    CertificateChainPolicy = WithoutLookingUp(),
                    EnabledSslProtocols = SslProtocols.Tls13,
                    AllowTlsResume = false,
                });
                tls.Write(keys.Mine);
                tls.ReadExactly(keys.Theirs);
                socket.Send(HasTheKey);
            }
            return keys;
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            throw new IOException($"The connection to a peer cannot be encrypted: {refusal ?? error.Message}.", error);
        }
    }

    private static X509ChainPolicy WithoutLookingUp() => new() { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
}
