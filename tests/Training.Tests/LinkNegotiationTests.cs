using System.Net;
using System.Net.Sockets;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Tests;

public class LinkNegotiationTests
{
    private const string NoFolder = "/no/such/folder";

    [Fact]
    public async Task Links_WithoutAFolderForSharedMemory_AreUnixSockets_AndSayWhy()
    {
        using var meshes = await Meshes.ConnectAsync([1, 1], sharedMemory: NoFolder);
        Assert.All((PeerLink[])[meshes.Links[0][1]!, meshes.Links[1][0]!], link => Assert.Equal(Transport.Unix, link.Transport));
        Assert.Contains(NoFolder, meshes.Links[0][1]!.Remark, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_ThatMustBeSharedMemory_WithoutAFolderForIt_AreNoneAndSayWhy()
    {
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => Meshes.ConnectAsync([1, 1], Transport.SharedMemory, sharedMemory: NoFolder));
        Assert.Contains("Granary:Node:Transport", refused.Message, StringComparison.Ordinal);
        Assert.Contains(NoFolder, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Link_WhoseSharedMemoryIsSomewhereElse_IsTheConnectionItself_AndBothSidesKnowWhy()
    {
        using var listener = new PeerListener(IPAddress.Loopback, 0);
        using var other = new Socket(SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        other.Listen();
        using var timeout = new CancellationTokenSource(Meshes.Patience);
        var meeting = listener.MeetAsync(Guid.NewGuid(), 1, [new("127.0.0.1", ((IPEndPoint)other.LocalEndPoint!).Port), new("127.0.0.1", listener.Port)], timeout.Token);
        using var taken = await other.AcceptAsync(timeout.Token);
        Offer(taken, $"shared-memory {NoFolder}/segment");
        Offer(taken, "local-tcp");
        using var link = (await meeting)[0]!;
        Assert.Equal((Transport.Tcp, true), (link.Transport, link.IsLocal));
        Assert.Contains(NoFolder, link.Remark, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SharedMemory_OnceBothHaveIt_HasNoName()
    {
        var folder = Directory.CreateTempSubdirectory("granary-tests-");
        using var meshes = await Meshes.ConnectAsync([1, 1, 1], Transport.SharedMemory, sharedMemory: folder.FullName);
        Assert.Empty(folder.EnumerateFileSystemInfos());
        folder.Delete();
    }

    private static void Offer(Socket socket, string text) => socket.Send([(byte)text.Length, .. System.Text.Encoding.UTF8.GetBytes(text)]);
}
