using System.Net;
using System.Net.Sockets;

namespace Granary.Training.Tests;

/// <summary>Somebody in between two processes, who does with a connection what a test wants, and remembers what it has passed on.</summary>
internal sealed class Relay : IDisposable
{
    private readonly Socket listener = FakePeer.Listen();
    private readonly MemoryStream passed = new();
    private readonly Func<Relay, Socket, Socket, Task> act;
    private int port;

    public Relay(Func<Relay, Socket, Socket, Task> act)
    {
        this.act = act;
        _ = AcceptAsync();
    }

    /// <summary>The way to a process that leads through here.</summary>
    public int To(int port)
    {
        this.port = port;
        return FakePeer.PortOf(listener);
    }

    public byte[] Passed()
    {
        lock (passed)
        {
            return passed.ToArray();
        }
    }

    /// <summary>Passes bytes on in one direction.</summary>
    /// <param name="change">What is done to them on the way.</param>
    public async Task PassAsync(Socket from, Socket to, int count = int.MaxValue, Action<byte[]>? change = null)
    {
        var bytes = new byte[64 << 10];
        while (count > 0)
        {
            var read = await from.ReceiveAsync(bytes.AsMemory(0, Math.Min(count, bytes.Length)));
            if (read == 0)
            {
                to.Shutdown(SocketShutdown.Send);
                return;
            }
            lock (passed)
            {
                passed.Write(bytes, 0, read);
            }
            change?.Invoke(bytes);
            await to.SendAsync(bytes.AsMemory(0, read));
            count -= read;
        }
    }

    public void Dispose() => listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            using var from = await listener.AcceptAsync();
            using var to = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await to.ConnectAsync(IPAddress.Loopback, port);
            await act(this, from, to);
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException or IOException or System.Security.Authentication.AuthenticationException)
        {
            // One of the sides has hung up.
        }
    }
}
