using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
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
    public async Task Sums_ChangedOnTheWay_EndTheRound()
    {
        var isChanging = false;
        using var relay = new Relay((way, from, to) => Task.WhenAll(way.PassAsync(from, to, change: bytes => bytes[100] ^= (byte)(Volatile.Read(ref isChanging) ? 1 : 0)), way.PassAsync(to, from)));
        using var meshes = await ConnectOverAsync(relay, Certificates.Encryption());
        Volatile.Write(ref isChanging, true);
        var failures = meshes.InEach(mesh =>
        {
            using var left = mesh;
            mesh.Sum(meshes.Partials(mesh.Rank, 40_000), 0, 0);
        });
        Assert.Contains(failures, failure => failure is ExchangeAbortedException && failure.Message.Contains("something between the two changes it", StringComparison.Ordinal));
        Assert.All(failures, failure => Assert.IsType<ExchangeAbortedException>(failure));
    }

    [Fact]
    public void Blocks_OpenOnceAndInTheirOrder_WhateverTheKey()
    {
        byte[] key = [.. Enumerable.Range(0, LinkKeys.Bytes).Select(number => (byte)number)], head = [7];
        using BlockSeal mine = new([.. key]), theirs = new([.. key]);
        (byte[] Text, byte[] Tag) Sealed(int number)
        {
            var (text, tag) = (BitConverter.GetBytes(number), new byte[BlockSeal.TagBytes]);
            mine.Seal(head, text, tag);
            return (text, tag);
        }
        var into = new byte[sizeof(int)];
        for (var number = 0; number < BlockSeal.BlocksOfAKey + 2; number++)
        {
            var (text, tag) = Sealed(number);
            theirs.Open(head, text, tag, into);
            Assert.Equal(number, BitConverter.ToInt32(into));
            if (number is 0 or BlockSeal.BlocksOfAKey)
            {
                Assert.NotEqual(number, BitConverter.ToInt32(text));
                Assert.Throws<AuthenticationTagMismatchException>(() => theirs.Open(head, text, tag, into));
            }
        }
        var (first, second) = (Sealed(1), Sealed(2));
        Assert.Throws<AuthenticationTagMismatchException>(() => theirs.Open(head, second.Text, second.Tag, into));
        Assert.Throws<AuthenticationTagMismatchException>(() => theirs.Open([8], first.Text, first.Tag, into));
        theirs.Open(head, first.Text, first.Tag, into);
        using var unturned = new BlockSeal([.. key]);
        Assert.Throws<AuthenticationTagMismatchException>(() => unturned.Open(head, second.Text, second.Tag, into));
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
