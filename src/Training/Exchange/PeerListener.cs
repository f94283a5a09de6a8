using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Granary.Training.Exchange;

/// <summary>Where a process takes connections of its peers.</summary>
public sealed record PeerAddress(string Host, int Port);

/// <summary>
/// The one port of a process for gradients. Whoever connects says which round it belongs to, by a secret that only the
/// round's members know, and which rank it has; anyone else is hung up on.
/// </summary>
public sealed class PeerListener : IDisposable
{
    private static readonly TimeSpan GreetingTime = TimeSpan.FromSeconds(10);

    // Longer than any round takes to meet: who is not fetched by then belongs to a round that never came about.
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(1);
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<Introduction, TaskCompletionSource<Socket>> arrivals = new();
    private readonly CancellationTokenSource closing = new();

    /// <param name="port">0: any free one.</param>
    /// <exception cref="SocketException">The port is taken.</exception>
    public PeerListener(IPAddress address, int port)
    {
        listener.Bind(new IPEndPoint(address, port));
        listener.Listen();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndPoint!).Port;

    /// <summary>Connects to every other process of a round: to those of lower rank actively, the others come.</summary>
    /// <returns>By rank; <see langword="null"/> at this process's own.</returns>
    public async Task<Socket?[]> MeetAsync(Guid round, int rank, IReadOnlyList<PeerAddress> members, CancellationToken cancellationToken)
    {
        var meetings = members.Select((member, other) =>
            other == rank ? Task.FromResult<Socket?>(null)
            : other < rank ? ConnectAsync(member, new(round, rank), cancellationToken)
            : ArriveAsync(new(round, other), cancellationToken)).ToList();
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
                arrival.Task.Result.Dispose();
            }
        }
    }

    private static async Task<Socket?> ConnectAsync(PeerAddress member, Introduction introduction, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(member.Host, member.Port, cancellationToken);
            var bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<Introduction>(ref introduction)).ToArray();
            await socket.SendAsync(bytes, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<Socket?> ArriveAsync(Introduction introduction, CancellationToken cancellationToken)
    {
        try
        {
            return await Arrival(introduction).Task.WaitAsync(cancellationToken);
        }
        finally
        {
            arrivals.TryRemove(introduction, out _);
        }
    }

    private TaskCompletionSource<Socket> Arrival(Introduction introduction) =>
        arrivals.GetOrAdd(introduction, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private async Task AcceptAsync()
    {
        while (!closing.IsCancellationRequested)
        {
            try
            {
                _ = GreetAsync(await listener.AcceptAsync(closing.Token));
            }
            catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // A connection that broke before it was taken, or the end: the loop's condition decides.
            }
        }
    }

    private async Task GreetAsync(Socket socket)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(closing.Token);
        patience.CancelAfter(GreetingTime);
        try
        {
            socket.NoDelay = true;
            var bytes = new byte[Marshal.SizeOf<Introduction>()];
            for (var read = 0; read < bytes.Length;)
            {
                var count = await socket.ReceiveAsync(bytes.AsMemory(read), patience.Token);
                read += count > 0 ? count : throw new SocketException((int)SocketError.ConnectionReset);
            }
            var introduction = MemoryMarshal.Read<Introduction>(bytes);
            // The peer may come before this process has been told of the round: its arrival is kept for then.
            if (!Arrival(introduction).TrySetResult(socket))
            {
                socket.Dispose();
            }
            else
            {
                _ = ForgetAsync(introduction);
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
        if (arrivals.TryRemove(introduction, out var unclaimed) && unclaimed.Task.IsCompletedSuccessfully)
        {
            unclaimed.Task.Result.Dispose();
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Introduction(Guid Round, int Rank);
}
