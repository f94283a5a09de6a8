using System.Net.Sockets;
using System.Text;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// How the two sides of a connection agree on a faster one between them, if they run on one machine. One offers what it has
/// made, from the fastest on; the other tries it and says whether it works. If no offer works, the connection itself is used.
/// </summary>
internal static class LinkNegotiation
{
    private const string Yes = "yes", Tcp = "tcp", Unix = "unix ", SharedMemory = "shared-memory ";

    /// <summary>Checks that this process can make the one kind of link that it is told to use: if it cannot, no peer can help.</summary>
    /// <param name="folder">Where shared memory is made.</param>
    /// <exception cref="IOException">It cannot.</exception>
    public static void CheckOwn(Transport wanted, string folder)
    {
        List<string> remarks = [];
        if (wanted == Transport.Unix && NewSocketPath() is var path && TryListen(path, remarks) is { } listener)
        {
            listener.Dispose();
            File.Delete(path);
        }
        if (wanted == Transport.SharedMemory && TryCreate(folder, remarks) is { } segment)
        {
            segment.Unlink();
            segment.Dispose();
        }
        if (remarks.Count > 0)
        {
            throw new IOException($"Granary:Node:Transport is {wanted}, but this process can make none: {remarks[0]} Auto would take the next best.");
        }
    }

    /// <summary>The side that was called: makes the offers.</summary>
    /// <param name="folder">Where shared memory is made.</param>
    public static PeerLink Make(ProvenPeer peer, string folder)
    {
        var (process, talk, wanted) = (peer.Process, peer.Talk, peer.Wanted);
        List<string> remarks = [];
        if (!peer.IsLocal)
        {
            return peer.OverTcp(remarks);
        }
        if (wanted is Transport.Auto or Transport.SharedMemory && TryCreate(folder, remarks) is { } segment)
        {
            using var made = new Made<SharedSegment>(segment);
            if (TryOffer(talk, SharedMemory + segment.Name, segment.Unlink, remarks))
            {
                return new SharedMemoryLink(process, talk.Socket, made.Keep(), side: 0) { IsLocal = true };
            }
        }
        if (wanted is Transport.Auto or Transport.Unix)
        {
            var path = NewSocketPath();
            using var listener = TryListen(path, remarks);
            if (listener is not null && TryOffer(talk, Unix + Path.GetFileName(path), () => File.Delete(path), remarks))
            {
                using var accepted = new Made<Socket>(listener.Accept());
                MeetingFile.CheckPeer(accepted.Value);
                talk.Socket.Dispose();
                return new SocketLink(process, accepted.Keep()) { IsLocal = true, Remark = string.Join("; ", remarks) };
            }
        }
        if (wanted is Transport.Unix or Transport.SharedMemory)
        {
            throw new IOException($"Granary:Node:Transport is {wanted}, but there is none to process {process}: {string.Join("; ", remarks)}. Auto would take the next best.");
        }
        talk.Say(Tcp);
        return peer.OverTcp(remarks);
    }

    /// <summary>The side that called: tries what it is offered.</summary>
    /// <param name="folder">Where shared memory is looked for.</param>
    public static PeerLink Take(ProvenPeer peer, string folder)
    {
        var (process, talk) = (peer.Process, peer.Talk);
        List<string> remarks = [];
        while (peer.IsLocal && talk.Hear() is var offer && offer != Tcp)
        {
            try
            {
                if (offer.StartsWith(SharedMemory, StringComparison.Ordinal))
                {
                    using var opened = new Made<SharedSegment>(SharedSegment.Open(folder, offer[SharedMemory.Length..]));
                    talk.Say(Yes);
                    return new SharedMemoryLink(process, talk.Socket, opened.Keep(), side: 1) { IsLocal = true };
                }
                if (offer.StartsWith(Unix, StringComparison.Ordinal))
                {
                    using var connected = new Made<Socket>(MeetingFile.Connect(MeetingFile.PathOf(Path.GetTempPath(), offer[Unix.Length..])));
                    talk.Say(Yes);
                    talk.Socket.Dispose();
                    return new SocketLink(process, connected.Keep()) { IsLocal = true, Remark = string.Join("; ", remarks) };
                }
                throw new IOException($"'{offer}' is no offer that this version knows.");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException || (error is SocketException && offer.StartsWith(Unix, StringComparison.Ordinal)))
            {
                remarks.Add(error.Message);
                talk.Say(error.Message);
            }
        }
        return peer.OverTcp(remarks);
    }

    private static string NewSocketPath() => MeetingFile.PathOf(Path.GetTempPath(), MeetingFile.NewName());

    private static Socket? TryListen(string path, List<string> remarks)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
            listener.Listen(1);
            return listener;
        }
        catch (Exception error) when (error is SocketException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            listener.Dispose();
            var reason = error is ArgumentException ? $"a path of {Encoding.UTF8.GetByteCount(path)} bytes is too long for it" : error.Message;
            remarks.Add($"no Unix socket in {Path.GetTempPath()} (TMPDIR): {reason}.");
            return null;
        }
    }

    private static SharedSegment? TryCreate(string folder, List<string> remarks)
    {
        try
        {
            return SharedSegment.Create(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            remarks.Add($"no shared memory: {error.Message}");
            return null;
        }
    }

    /// <param name="withdraw">Takes the offer's name away once it has been tried.</param>
    private static bool TryOffer(PeerTalk talk, string offer, Action withdraw, List<string> remarks)
    {
        string answer;
        try
        {
            talk.Say(offer);
            answer = talk.Hear();
        }
        finally
        {
            withdraw();
        }
        if (answer != Yes)
        {
            remarks.Add($"{offer.Split(' ')[0]}: {answer}");
        }
        return answer == Yes;
    }

    /// <summary>Disposed of unless it is kept.</summary>
    private sealed class Made<T>(T value) : IDisposable where T : class, IDisposable
    {
        private bool kept;

        public T Value => value;

        public T Keep()
        {
            kept = true;
            return value;
        }

        public void Dispose()
        {
            if (!kept)
            {
                value.Dispose();
            }
        }
    }
}
