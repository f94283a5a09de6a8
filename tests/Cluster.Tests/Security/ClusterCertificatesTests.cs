using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Granary.Silo.Security;
using Granary.Training.Wording;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Granary.Cluster.Tests.Security;

public sealed class ClusterCertificatesTests : IDisposable
{
    private readonly Secrets secrets = new();
    private readonly FakeTimeProvider time = new(TimeProvider.System.GetUtcNow());

    public void Dispose() => secrets.Dispose();

    [Fact]
    public async Task Silos_OfOneAuthority_MeetWhateverTheirNames()
    {
        using var silo = Open(secrets.Certificates());
        Assert.True(await MeetAsync(silo.FromSilos(), silo.ToSilos()));
    }

    [Fact]
    public async Task Silos_OfTwoAuthorities_MeetInNeitherDirection()
    {
        using var ours = Open(secrets.Certificates());
        using var theirs = Open(secrets.Certificates("theirs"));
        Assert.False(await MeetAsync(ours.FromSilos(), theirs.ToSilos()));
        Assert.False(await MeetAsync(theirs.FromSilos(), ours.ToSilos()));
        Assert.False(ours.Vouches(theirs.Certificate));
    }

    [Fact]
    public async Task Caller_WithoutACertificateOrWithThatOfRedis_IsNoSilo()
    {
        using var silo = Open(secrets.Certificates());
        using var redis = Open(secrets.Certificates(name: "redis"));
        var (nobody, server) = (silo.ToSilos(), redis.ToSilos());
        nobody.ClientCertificateContext = null;
        Assert.False(await MeetAsync(silo.FromSilos(), nobody));
        Assert.False(await MeetAsync(silo.FromSilos(), server));
    }

    [Fact]
    public async Task Certificate_ThatIsReplaced_HoldsFromTheNextConnectionOn_AndABrokenOneDoesNot()
    {
        var options = secrets.Certificates();
        using var silo = Open(options);
        var first = silo.Certificate;
        secrets.Certificates();
        time.Advance(TimeSpan.FromSeconds(2));
        var second = silo.Certificate;
        Assert.NotEqual(first.Thumbprint, second.Thumbprint);
        Assert.True(await MeetAsync(silo.FromSilos(), silo.ToSilos()));

        // Of another key, of another authority, none.
        foreach (var (path, content) in new[]
        {
            (options.Key!, File.ReadAllText(secrets.In("ours", "redis.key"))),
            (options.Authority!, File.ReadAllText(secrets.Certificates("theirs").Authority!)),
            (options.Certificate!, "nonsense"),
        })
        {
            var before = File.ReadAllText(path);
            File.WriteAllText(path, content);
            time.Advance(TimeSpan.FromSeconds(2));
            Assert.Same(second, silo.Certificate);
            File.WriteAllText(path, before);
        }
    }

    [Fact]
    public void Files_ThatDoNotBelongTogether_AreRefusedAtTheStart()
    {
        var (ours, theirs) = (secrets.Certificates(), secrets.Certificates("theirs"));
        Assert.Contains("is not signed by the authority", Refused(new() { Certificate = ours.Certificate, Key = ours.Key, Authority = theirs.Authority }), StringComparison.Ordinal);
        Assert.Contains("cannot be used", Refused(new() { Certificate = ours.Certificate, Key = theirs.Key, Authority = ours.Authority }), StringComparison.Ordinal);
        Assert.Contains("cannot be used", Refused(new() { Certificate = ours.Certificate, Key = "/nowhere.key", Authority = ours.Authority }), StringComparison.Ordinal);
        Assert.Contains("has expired", Refused(secrets.Certificates("old", now: time.GetUtcNow().AddDays(-400))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gateway_WithACertificate_IsTrustedByItsAuthorityOnly()
    {
        var options = secrets.Certificates();
        options.TokensFile = secrets.TokensFile;
        await using var gateway = await SecuredGateway.StartAsync(options);
        Assert.Equal(("https", "https"), (gateway.Server.Scheme, gateway.Http.Scheme));
        using var right = gateway.Client(secrets.Viewer, File.ReadAllText(options.Authority!));
        Assert.NotEmpty(await right.TasksAsync());
        using var other = gateway.Client(secrets.Viewer, File.ReadAllText(secrets.Certificates("theirs").Authority!));
        Assert.IsType<AuthenticationException>((await Assert.ThrowsAsync<RpcException>(() => other.TasksAsync())).Status.DebugException?.GetBaseException());
        using var system = gateway.Client(secrets.Viewer);
        await Assert.ThrowsAsync<RpcException>(() => system.TasksAsync());

        // Under the running gateway: a new authority and certificate.
        foreach (var file in Directory.EnumerateFiles(secrets.In("theirs")))
        {
            File.Copy(file, secrets.In("ours", Path.GetFileName(file)), overwrite: true);
        }
        gateway.Time.Advance(TimeSpan.FromSeconds(2));
        using var again = gateway.Client(secrets.Viewer, File.ReadAllText(options.Authority!));
        Assert.NotEmpty(await again.TasksAsync());
    }

    private ClusterCertificates Open(SecurityOptions options) => new(options, time, NullLogger<ClusterCertificates>.Instance);

    private string Refused(SecurityOptions options) => Assert.Throws<UserErrorException>(() => Open(options)).Message;

    /// <summary>Whether the two come as far as a byte in each direction.</summary>
    private static async Task<bool> MeetAsync(SslServerAuthenticationOptions server, SslClientAuthenticationOptions client)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var caller = new TcpClient();
        await caller.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var called = await listener.AcceptTcpClientAsync();
        await using var accepting = new SslStream(called.GetStream());
        await using var connecting = new SslStream(caller.GetStream());
        var sides = new[] { SpeakAsync(accepting, one => one.AuthenticateAsServerAsync(server)), SpeakAsync(connecting, one => one.AuthenticateAsClientAsync(client)) };
        return (await Task.WhenAll(sides)).All(met => met);
    }

    private static async Task<bool> SpeakAsync(SslStream stream, Func<SslStream, Task> authenticate)
    {
        try
        {
            await authenticate(stream);
            await stream.WriteAsync(new byte[1]);
            return await stream.ReadAsync(new byte[1]) == 1;
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            return false;
        }
        finally
        {
            await stream.DisposeAsync();
        }
    }
}
