using System.Collections.Concurrent;
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
    private static readonly TimeSpan AdmissionTime = TimeSpan.FromSeconds(10);

    // Longer than any round takes to meet: who is not fetched by then belongs to a round that never came about.
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(1);
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<(Guid Round, int Rank), TaskCompletionSource<Arrival>> arrivals = new();
    private readonly CancellationTokenSource closing = new();
    private readonly Transport transport;
    private readonly Guid host;
    private readonly string sharedMemory;

    /// <param name="port">0: any free one.</param>
    /// <param name="transport">What the links may be; the other side has its say, too.</param>
    /// <param name="host">The machine this process runs on. Default: <see cref="Host.Id"/>.</param>
    /// <param name="sharedMemory">The folder whose files are memory.</param>
    /// <exception cref="SocketException">The port is taken.</exception>
    public PeerListener(IPAddress address, int port, Transport transport = Transport.Auto, Guid? host = null, string sharedMemory = SharedSegment.Folder)
    {
        (this.transport, this.host, this.sharedMemory) = (transport, host ?? Host.Id, sharedMemory);
        listener.Bind(new IPEndPoint(address, port));
        listener.Listen();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndPoint!).Port;

    /// <summary>Connects to every other process of a round, each by the best link there is: to those of lower rank actively, the others come.</summary>
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

    public void Dispose()
    {
        closing.Cancel();
        listener.Dispose();
        foreach (var arrival in arrivals.Values)
        {
            if (!arrival.TrySetCanceled() && arrival.Task.IsCompletedSuccessfully)
            {
                arrival.Task.Result.Socket.Dispose();
            }
        }
    }

    private static Task<PeerLink?> ConnectAsync(PeerAddress member, int process, Introduction mine, CancellationToken cancellationToken) =>
        TalkAsync<PeerLink?>(new(SocketType.Stream, ProtocolType.Tcp), socket =>
        {
            socket.Connect(member.Host, member.Port);
            socket.NoDelay = true;
            socket.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<Introduction>(ref mine)));
            return LinkOffer.Take(process, socket);
        }, cancellationToken);

    private async Task<PeerLink?> ArriveAsync(Guid round, int process, CancellationToken cancellationToken)
    {
        try
        {
            var (socket, theirs) = await Expected(round, process).Task.WaitAsync(cancellationToken);
            var isLocal = host == theirs.Host && host != Guid.Empty;
            var wanted = transport == Transport.Auto ? theirs.Transport : theirs.Transport == Transport.Auto || theirs.Transport == transport ? transport : Transport.Tcp;
            return await TalkAsync<PeerLink?>(socket, own => LinkOffer.Make(process, own, isLocal, wanted, sharedMemory), cancellationToken);
        }
        finally
        {
            arrivals.TryRemove((round, process), out _);
        }
    }

    /// <summary>Waiting calls on a thread of their own: see <see cref="LinkOffer"/>.</summary>
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

    private TaskCompletionSource<Arrival> Expected(Guid round, int rank) =>
        arrivals.GetOrAdd((round, rank), _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private async Task AcceptAsync()
    {
        while (!closing.IsCancellationRequested)
        {
            try
            {
                _ = AdmitAsync(await listener.AcceptAsync(closing.Token));
            }
            catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // A connection that broke before it was taken, or the end: the loop's condition decides.
            }
        }
    }

    private async Task AdmitAsync(Socket socket)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(closing.Token);
        patience.CancelAfter(AdmissionTime);
        try
        {
            socket.NoDelay = true;
            var theirs = await TalkAsync(socket, own => MemoryMarshal.Read<Introduction>(LinkOffer.Read(own, Marshal.SizeOf<Introduction>())), patience.Token);
            // The peer may come before this process has been told of the round: its arrival is kept for then.
            if (!Expected(theirs.Round, theirs.Rank).TrySetResult(new(socket, theirs)))
            {
                socket.Dispose();
            }
            else
            {
                _ = ForgetAsync(theirs);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            socket.Dispose();
        }
    }

    private async Task ForgetAsync(Introduction introduction)
    {
        await Task.Delay(KeptFor, closing.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        if (arrivals.TryRemove((introduction.Round, introduction.Rank), out var unclaimed) && unclaimed.Task.IsCompletedSuccessfully)
        {
            unclaimed.Task.Result.Socket.Dispose();
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Introduction(Guid Round, int Rank, Guid Host, Transport Transport);

    private sealed record Arrival(Socket Socket, Introduction From);
}
