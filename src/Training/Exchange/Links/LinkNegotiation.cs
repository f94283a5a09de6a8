using System.Net.Sockets;
using System.Text;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// How the two sides of a new connection agree on a faster one between them. One offers what it has made, from the fastest
/// on; the other tries it and says whether it works. If no offer works, the connection itself is used. Offers and answers are
/// short texts: their length as a byte, then UTF-8. All calls block: a socket once used asynchronously wakes the runtime's polling
/// thread with every packet from then on, and takes twice as long.
/// </summary>
internal static class LinkNegotiation
{
    private const string Yes = "yes", Tcp = "tcp", LocalTcp = "local-tcp", Unix = "unix ", SharedMemory = "shared-memory ";

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
    public static PeerLink Make(int process, Socket socket, bool isLocal, Transport wanted, string folder)
    {
        List<string> remarks = [];
        if (isLocal && wanted is Transport.Auto or Transport.SharedMemory)
        {
            if (TryCreate(folder, remarks) is { } segment)
            {
                using var made = new Made<SharedSegment>(segment);
                if (TryOffer(socket, SharedMemory + segment.Path, segment.Unlink, remarks))
                {
                    return new SharedMemoryLink(process, socket, made.Keep(), side: 0) { IsLocal = true };
                }
            }
        }
        if (isLocal && wanted is Transport.Auto or Transport.Unix)
        {
            var path = NewSocketPath();
            using var listener = TryListen(path, remarks);
            if (listener is not null && TryOffer(socket, Unix + path, () => File.Delete(path), remarks))
            {
                var unix = listener.Accept();
                socket.Dispose();
                return new SocketLink(process, unix) { IsLocal = true, Remark = string.Join("; ", remarks) };
            }
        }
        if (isLocal && wanted is Transport.Unix or Transport.SharedMemory)
        {
            throw new IOException($"Granary:Node:Transport is {wanted}, but there is none to process {process}: {string.Join("; ", remarks)}. Auto would take the next best.");
        }
        Write(socket, isLocal ? LocalTcp : Tcp);
        return new SocketLink(process, socket) { IsLocal = isLocal, Remark = string.Join("; ", remarks) };
    }

    /// <summary>The side that called: tries what it is offered.</summary>
    public static PeerLink Take(int process, Socket socket)
    {
        List<string> remarks = [];
        while (true)
        {
            var offer = Read(socket);
            try
            {
                if (offer.StartsWith(SharedMemory, StringComparison.Ordinal))
                {
                    using var opened = new Made<SharedSegment>(SharedSegment.Open(offer[SharedMemory.Length..]));
                    Write(socket, Yes);
                    return new SharedMemoryLink(process, socket, opened.Keep(), side: 1) { IsLocal = true };
                }
                if (offer.StartsWith(Unix, StringComparison.Ordinal))
                {
                    using var connected = new Made<Socket>(new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
                    connected.Value.Connect(new UnixDomainSocketEndPoint(offer[Unix.Length..]));
                    Write(socket, Yes);
                    socket.Dispose();
                    return new SocketLink(process, connected.Keep()) { IsLocal = true, Remark = string.Join("; ", remarks) };
                }
                return new SocketLink(process, socket) { IsLocal = offer == LocalTcp, Remark = string.Join("; ", remarks) };
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException || (error is SocketException && offer.StartsWith(Unix, StringComparison.Ordinal)))
            {
                remarks.Add(error.Message);
                Write(socket, error.Message);
            }
        }
    }

    private static string NewSocketPath() => Path.Combine(Path.GetTempPath(), $"granary-{Guid.NewGuid():N}.sock");

    private static Socket? TryListen(string path, List<string> remarks)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(1);
            return listener;
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
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
    private static bool TryOffer(Socket socket, string offer, Action withdraw, List<string> remarks)
    {
        string answer;
        try
        {
            Write(socket, offer);
            answer = Read(socket);
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

    private static void Write(Socket socket, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var count = Math.Min(bytes.Length, byte.MaxValue);
        byte[] message = [(byte)count, .. bytes.AsSpan(0, count)];
        socket.Send(message);
    }

    private static string Read(Socket socket)
    {
        var length = Read(socket, 1);
        return Encoding.UTF8.GetString(Read(socket, length[0]));
    }

    public static byte[] Read(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count;)
        {
            var more = socket.Receive(bytes.AsSpan(read));
            read += more > 0 ? more : throw new SocketException((int)SocketError.ConnectionReset);
        }
        return bytes;
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
