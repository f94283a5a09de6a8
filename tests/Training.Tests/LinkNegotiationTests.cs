using System.Net;
using System.Net.Sockets;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Tests;

public sealed class LinkNegotiationTests : IDisposable
{
    private const string NoFolder = "/no/such/folder";
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

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

    [Theory]
    [InlineData("not there", "No such file")]
    [InlineData("in another folder", "no name that Granary gives")]
    [InlineData("above", "no name that Granary gives")]
    [InlineData("of another form", "no name that Granary gives")]
    [InlineData("a longer name", "no name that Granary gives")]
    [InlineData("a link", "symbolic links")]
    [InlineData("a folder", "Is a directory")]
    [InlineData("a pipe", "is no file")]
    [InlineData("shorter", "has 100 bytes")]
    [InlineData("writable by others", "may be written by others")]
    [InlineData("with another name", "has 2 names")]
    public async Task SharedMemory_ThatIsNotWhatAPeerOfThisUserMakes_IsRefused_AndTheLinkIsTheConnectionItself(string what, string reason)
    {
        var name = MeetingFile.NewName();
        var path = Path.Combine(folder, name);
        var offer = what switch
        {
            "in another folder" => $"{folder}/{name}",
            "above" => $"../{Path.GetFileName(folder)}/{name}",
            "of another form" => "granary-segment",
            "a longer name" => name + "0",
            _ => name,
        };
        MakeFile(what, path);
        var (link, answer) = await TakeAsync($"shared-memory {offer}", folder);
        using (link)
        {
            Assert.Contains(reason, answer, StringComparison.Ordinal);
            Assert.Equal((Transport.Tcp, true, answer), (link.Transport, link.IsLocal, link.Remark));
        }
    }

    [AsRootFact]
    public Task SharedMemory_OfAnotherUser_IsRefused_AndTheLinkIsTheConnectionItself() =>
        SharedMemory_ThatIsNotWhatAPeerOfThisUserMakes_IsRefused_AndTheLinkIsTheConnectionItself("of another user", "belongs to user 65534");

    [Theory]
    [InlineData("not there", "No such file")]
    [InlineData("in another folder", "no name that Granary gives")]
    [InlineData("a link", "is no socket")]
    [InlineData("a file", "is no socket")]
    [InlineData("writable by others", "may be written by others")]
    public async Task Socket_ThatIsNotWhatAPeerOfThisUserMakes_IsRefused_AndTheLinkIsTheConnectionItself(string what, string reason)
    {
        var name = MeetingFile.NewName();
        var path = Path.Combine(Path.GetTempPath(), name);
        using var listening = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (what is "a link" or "writable by others")
            {
                var at = what == "a link" ? Path.Combine(folder, "socket") : path;
                listening.Bind(new UnixDomainSocketEndPoint(at));
                listening.Listen();
                Run("chmod", what == "a link" ? "600" : "666", at);
            }
            if (what == "a link")
            {
                File.CreateSymbolicLink(path, Path.Combine(folder, "socket"));
            }
            if (what == "a file")
            {
                File.WriteAllText(path, "");
            }
            var (link, answer) = await TakeAsync($"unix {(what == "in another folder" ? path : name)}", folder);
            using (link)
            {
                Assert.Contains(reason, answer, StringComparison.Ordinal);
                Assert.Equal(Transport.Tcp, link.Transport);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task SharedMemory_OnceBothHaveIt_HasNoName()
    {
        using var meshes = await Meshes.ConnectAsync([1, 1, 1], Transport.SharedMemory, sharedMemory: folder);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    private static void MakeFile(string what, string path)
    {
        switch (what)
        {
            case "not there" or "of another form":
                return;
            case "a folder":
                Directory.CreateDirectory(path);
                return;
            case "a pipe":
                Run("mkfifo", "-m", "600", path);
                return;
        }
        var file = what == "a link" ? path + ".target" : path;
        File.WriteAllBytes(file, new byte[what == "shorter" ? 100 : SharedSegment.Size]);
        Run("chmod", what == "writable by others" ? "666" : "600", file);
        switch (what)
        {
            case "a link":
                File.CreateSymbolicLink(path, file);
                break;
            case "with another name":
                Run("ln", path, path + ".other");
                break;
            case "of another user":
                Run("chown", "65534", path);
                break;
        }
    }

    private static void Run(string command, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(command, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    /// <summary>Offers something to a listener, as a peer on its machine that has proved itself.</summary>
    /// <returns>The link that is left when nothing else is offered, and what was said to the offer.</returns>
    private static async Task<(PeerLink Link, string Answer)> TakeAsync(string offer, string folder)
    {
        var (key, host) = (Guid.NewGuid(), Guid.NewGuid());
        using var listener = new PeerListener(IPAddress.Loopback, 0, host: host, sharedMemory: folder);
        using var other = FakePeer.Listen();
        using var timeout = new CancellationTokenSource(Meshes.Patience);
        var meeting = listener.MeetAsync(key, 1, [new("127.0.0.1", FakePeer.PortOf(other)), new("", 0)], timeout.Token);
        using var taken = await other.AcceptAsync(timeout.Token);
        var talk = FakePeer.Welcome(taken, key, _ => FakePeer.Greeting(key, from: 0, to: 1) with { Host = host });
        talk.Say(offer);
        var answer = talk.Hear();
        talk.Say("tcp");
        return ((await meeting)[0]!, answer);
    }
}

/// <summary>A test that gives a file to another user.</summary>
internal sealed class AsRootFactAttribute : FactAttribute
{
    public AsRootFactAttribute()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            Skip = "Only root can give a file to another user: such files were not tried.";
        }
    }
}
