using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Tests;

public class PeerEncryptionTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Round_WhereOnlyOneEncrypts_DoesNotMeet_AndSaysWhich(int encrypting)
    {
        var refused = await Assert.ThrowsAsync<IOException>(() => Meshes.ConnectAsync([1, 1], Transport.Tcp, encryption: rank => rank == encrypting ? Certificates.Encryption() : null));
        Assert.Contains("encrypt its connections", refused.Message.Replace("encrypts", "encrypt", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("Does every silo of the cluster have a certificate?", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Round_WithACertificateThatIsNotTrusted_DoesNotMeet(int suspicious)
    {
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => Meshes.ConnectAsync([1, 1], Transport.Tcp,
            encryption: rank => Certificates.Encryption($"silo{rank}", trusts: name => rank != suspicious || name == "CN=friend")));
        Assert.Contains("cannot be encrypted", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_WithinAMachine_AreProvedButNotEncrypted()
    {
        using var meshes = await Meshes.ConnectAsync([1, 1, 1], machines: [0, 0, 1], encryption: _ => Certificates.Encryption());
        Assert.Equal((Transport.SharedMemory, false), (meshes.Links[0][1]!.Transport, meshes.Links[0][1]!.IsEncrypted));
        Assert.Equal((Transport.Tcp, true), (meshes.Links[0][2]!.Transport, meshes.Links[0][2]!.IsEncrypted));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sums_OnTheWay_CanBeReadWhenNothingIsEncrypted_AndOnlyThen(bool encrypted)
    {
        using var relay = new Relay((way, from, to) => Task.WhenAll(way.PassAsync(from, to), way.PassAsync(to, from)));
        using var meshes = await ConnectOverAsync(relay, encrypted ? Certificates.Encryption() : null);
        Assert.All(meshes.InEach(mesh =>
        {
            var partials = meshes.Partials(mesh.Rank, 40_000);
            partials[0].Frame.Dense.Fill(1.25f);
            mesh.Sum(partials, 0, 0);
        }), Assert.Null);
        byte[] pattern = [.. Enumerable.Repeat(BitConverter.GetBytes(1.25f), 16).SelectMany(bytes => bytes)];
        Assert.Equal(!encrypted, relay.Passed().AsSpan().IndexOf(pattern) >= 0);
    }

    [Fact]
    public async Task SomebodyInBetween_WithACertificateThatIsTrusted_IsNotThePeer()
    {
        // Passes both proofs on, then shakes hands with either side.
        using var relay = new Relay(async (way, from, to) =>
        {
            await way.PassAsync(from, to, Greeting.Bytes);
            await way.PassAsync(to, from, Greeting.Bytes + PeerProof.Bytes);
            await way.PassAsync(from, to, PeerProof.Bytes);
            var mine = Certificates.Create("silo");
            using var called = new SslStream(new NetworkStream(from), false, (_, _, _, _) => true);
            await called.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = mine, ClientCertificateRequired = true, EnabledSslProtocols = SslProtocols.Tls13 });
        });
        using var first = new PeerListener(IPAddress.Loopback, 0, host: Guid.NewGuid(), encryption: Certificates.Encryption());
        using var second = new PeerListener(IPAddress.Loopback, 0, host: Guid.NewGuid(), encryption: Certificates.Encryption());
        PeerAddress[] members = [new("127.0.0.1", relay.To(first.Port)), new("127.0.0.1", second.Port)];
        using var timeout = new CancellationTokenSource(Meshes.Patience);
        var key = Guid.NewGuid();
        var called = first.MeetAsync(key, 0, members, timeout.Token);
        var refused = await Assert.ThrowsAsync<IOException>(() => second.MeetAsync(key, 1, members, timeout.Token));
        Assert.Contains("its certificate is not the one that it has proved to have", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(() => called);
    }

    [Fact]
    public async Task RenewedCertificate_ServesInTheNextRound()
    {
        var asked = 0;
        SslStreamCertificateContext[] certificates = [Certificates.Create("old"), Certificates.Create("new")];
        var seen = new List<string>();
        using var first = new PeerListener(IPAddress.Loopback, 0, Transport.Tcp, encryption: new(() => certificates[asked++], (_, _, _, _) => true));
        using var second = new PeerListener(IPAddress.Loopback, 0, Transport.Tcp, encryption: Certificates.Encryption(trusts: name => { seen.Add(name); return true; }));
        PeerAddress[] members = [new("127.0.0.1", first.Port), new("127.0.0.1", second.Port)];
        using var timeout = new CancellationTokenSource(Meshes.Patience);
        for (var round = 0; round < certificates.Length; round++)
        {
            var key = Guid.NewGuid();
            foreach (var links in await Task.WhenAll(first.MeetAsync(key, 0, members, timeout.Token), second.MeetAsync(key, 1, members, timeout.Token)))
            {
                Array.ForEach(links, link => link?.Dispose());
            }
        }
        Assert.Equal(["CN=old", "CN=new"], seen);
    }

    private static Task<Meshes> ConnectOverAsync(Relay relay, PeerEncryption? encryption) =>
        Meshes.ConnectAsync([1, 1], Transport.Tcp, encryption: _ => encryption, throughPort: (rank, port) => rank == 0 ? relay.To(port) : port);
}
