using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Exchange;

/// <summary>Where a process takes connections of its peers.</summary>
public sealed record PeerAddress(string Host, int Port);

/// <summary>
/// The one port of a process for gradients. Whoever connects says which round it belongs to, by a secret that only the
/// round's members know, and which rank it has; anyone else is hung up on.
/// </summary>
public sealed class PeerListener : IDisposable
{
    private readonly PeerAdmission admission;
    private readonly Transport transport;
    private readonly Guid host;
    private readonly string sharedMemory;

    /// <param name="port">0: any free one.</param>
    /// <param name="transport">What the links may be; the other side has its say, too.</param>
    /// <param name="host">The machine this process runs on. Default: <see cref="Host.Id"/>.</param>
    /// <param name="sharedMemory">The folder whose files are memory.</param>
    /// <exception cref="SocketException">The port is taken.</exception>
    /// <exception cref="IOException">This process cannot make the links that it is to use.</exception>
    public PeerListener(IPAddress address, int port, Transport transport = Transport.Auto, Guid? host = null, string sharedMemory = SharedSegment.Folder)
    {
        (this.transport, this.host, this.sharedMemory) = (transport, host ?? Host.Id, sharedMemory);
        LinkNegotiation.CheckOwn(transport, sharedMemory);
        admission = new(address, port);
    }

    /// <summary>The port that it listens on.</summary>
    public int Port => admission.Port;

    /// <summary>Connects to every other process of a round, each by the best link there is: it calls those of lower rank, the others call it.</summary>
    /// <returns>By rank; <see langword="null"/> at this process's own.</returns>
    public async Task<PeerLink?[]> MeetAsync(Guid round, int rank, IReadOnlyList<PeerAddress> members, CancellationToken cancellationToken)
    {
        var meetings = members.Select((member, other) =>
            other == rank ? Task.FromResult<PeerLink?>(null)
            : other < rank ? ConnectAsync(member, other, new(round, rank, host, transport), cancellationToken)
            : ArriveAsync(round, other, cancellationToken)).ToList();
        try
        {
            return await Task.WhenAll(meetings);
        }
        catch
        {
            foreach (var met in meetings.Where(meeting => meeting.IsCompletedSuccessfully))
            {
                met.Result?.Dispose();
            }
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => admission.Dispose();

    private static Task<PeerLink?> ConnectAsync(PeerAddress member, int process, Introduction mine, CancellationToken cancellationToken) =>
        TalkAsync<PeerLink?>(new(SocketType.Stream, ProtocolType.Tcp), socket =>
        {
            socket.Connect(member.Host, member.Port);
            socket.NoDelay = true;
            socket.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<Introduction>(ref mine)));
            return LinkNegotiation.Take(process, socket);
        }, cancellationToken);

    private async Task<PeerLink?> ArriveAsync(Guid round, int process, CancellationToken cancellationToken)
    {
        var (socket, theirs) = await admission.ArrivalAsync(round, process, cancellationToken);
        socket.NoDelay = true;
        var isLocal = host == theirs.Host && host != Guid.Empty;
        var wanted = transport == Transport.Auto ? theirs.Transport : theirs.Transport == Transport.Auto || theirs.Transport == transport ? transport : Transport.Tcp;
        return await TalkAsync<PeerLink?>(socket, own => LinkNegotiation.Make(process, own, isLocal, wanted, sharedMemory), cancellationToken);
    }

    /// <summary>Makes blocking calls on a thread of their own: see <see cref="LinkNegotiation"/>.</summary>
    private static async Task<T> TalkAsync<T>(Socket socket, Func<Socket, T> talk, CancellationToken cancellationToken)
    {
        try
        {
            T said;
            await using (cancellationToken.Register(socket.Dispose))
            {
                said = await Task.Factory.StartNew(() => talk(socket), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            if (cancellationToken.IsCancellationRequested)
            {
                // The socket may be closed, whatever was said over it.
                (said as IDisposable)?.Dispose();
                throw new OperationCanceledException(cancellationToken);
            }
            return said;
        }
        catch (Exception error)
        {
            socket.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            throw error is ObjectDisposedException ? new SocketException((int)SocketError.OperationAborted) : error;
        }
    }
}
