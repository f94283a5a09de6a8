using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Exchange;

/// <summary>What a process says of itself when it connects.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct Introduction(Guid Round, int Rank, Guid Host, Transport Transport);

/// <summary>A connection with its introduction.</summary>
internal sealed record Arrival(Socket Socket, Introduction From);

/// <summary>
/// Takes connections on one thread, and holds them until the round that they name asks for them: peers may come before this
/// process has been told of it. Whoever connects costs a bounded part of a bounded room; when that is full, the oldest go.
/// </summary>
internal sealed class PeerAdmission : IDisposable
{
    /// <summary>Connections that have not said who they are.</summary>
    public const int MostStrangers = 128;

    /// <summary>Connections of rounds that nobody here has asked for. More than the processes of a round.</summary>
    public const int MostUnclaimed = 256;

    private static readonly TimeSpan IntroductionTime = TimeSpan.FromSeconds(10);

    // Longer than any round takes to meet: a connection not fetched by then belongs to a round that never came about.
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1), HandlePause = TimeSpan.FromMilliseconds(50);
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<(Guid Round, int Rank), TaskCompletionSource<Arrival>> arrivals = new();
    private readonly List<Stranger> strangers = [];
    private readonly List<Unclaimed> unclaimed = [];
    private volatile bool closing;

    /// <exception cref="SocketException">The port is taken.</exception>
    public PeerAdmission(IPAddress address, int port)
    {
        listener.Bind(new IPEndPoint(address, port));
        listener.Listen();
        new Thread(Admit) { IsBackground = true, Name = "admission" }.Start();
    }

    public int Port => ((IPEndPoint)listener.LocalEndPoint!).Port;

    /// <summary>Waits for the process of that rank.</summary>
    public async Task<Arrival> ArrivalAsync(Guid round, int rank, CancellationToken cancellationToken)
    {
        try
        {
            var arrival = await Expected(round, rank).Task.WaitAsync(cancellationToken);
            // Whoever takes it out owns its connection.
            return arrivals.TryRemove((round, rank), out _) ? arrival : throw new SocketException((int)SocketError.ConnectionReset);
        }
        catch (OperationCanceledException)
        {
            Drop((round, rank));
            throw;
        }
    }

    public void Dispose()
    {
        closing = true;
        listener.Dispose();
        foreach (var key in arrivals.Keys)
        {
            Drop(key);
        }
    }

    private TaskCompletionSource<Arrival> Expected(Guid round, int rank) =>
        arrivals.GetOrAdd((round, rank), _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private void Drop((Guid, int) key)
    {
        if (arrivals.TryRemove(key, out var arrival) && !arrival.TrySetCanceled() && arrival.Task.IsCompletedSuccessfully)
        {
            arrival.Task.Result.Socket.Dispose();
        }
    }

    private void Admit()
    {
        while (!closing)
        {
            try
            {
                // Blocking calls return at once on sockets known to be readable. See LinkNegotiation for why they are used.
                List<Socket> readable = [listener, .. strangers.Select(stranger => stranger.Socket)];
                Socket.Select(readable, null, null, LookAgain);
                if (readable.Remove(listener))
                {
                    Accept();
                }
                var heard = readable.ToHashSet();
                strangers.RemoveAll(stranger => heard.Contains(stranger.Socket) && !Hear(stranger));
                Tidy();
            }
            catch (Exception end) when (end is SocketException or ObjectDisposedException)
            {
                // The end: the loop's condition decides.
            }
        }
        strangers.ForEach(stranger => stranger.Socket.Dispose());
    }

    private void Accept()
    {
        try
        {
            strangers.Add(new(listener.Accept()));
        }
        catch (SocketException broken)
        {
            // A connection that broke before it was taken; or there are no file handles, and there is no use in asking at once.
            if (broken.SocketErrorCode == SocketError.TooManyOpenSockets)
            {
                Thread.Sleep(HandlePause);
            }
        }
    }

    /// <returns>Whether it is still a stranger.</returns>
    private bool Hear(Stranger stranger)
    {
        if (stranger.Receive() is not { } introduction)
        {
            return !stranger.HasLeft;
        }
        if (!Expected(introduction.Round, introduction.Rank).TrySetResult(new(stranger.Socket, introduction)))
        {
            stranger.Socket.Dispose();
        }
        else
        {
            unclaimed.Add(new((introduction.Round, introduction.Rank), Stopwatch.GetTimestamp()));
        }
        return false;
    }

    private void Tidy()
    {
        var silent = strangers.Where((stranger, index) => index < strangers.Count - MostStrangers || Stopwatch.GetElapsedTime(stranger.Since) > IntroductionTime).ToList();
        silent.ForEach(stranger => stranger.Socket.Dispose());
        strangers.RemoveAll(silent.Contains);
        unclaimed.RemoveAll(one => !arrivals.ContainsKey(one.Key));
        var forgotten = unclaimed.Where((one, index) => index < unclaimed.Count - MostUnclaimed || Stopwatch.GetElapsedTime(one.Since) > KeptFor).ToList();
        forgotten.ForEach(one => Drop(one.Key));
        unclaimed.RemoveAll(forgotten.Contains);
    }

    private sealed record Unclaimed((Guid, int) Key, long Since);

    private sealed class Stranger(Socket socket)
    {
        private readonly byte[] said = new byte[Marshal.SizeOf<Introduction>()];
        private int count;

        public Socket Socket => socket;

        public long Since { get; } = Stopwatch.GetTimestamp();

        public bool HasLeft { get; private set; }

        /// <summary>What has come, without waiting for more.</summary>
        /// <returns><see langword="null"/>: there is more to come.</returns>
        public Introduction? Receive()
        {
            var more = socket.Receive(said.AsSpan(count), SocketFlags.None, out var error);
            if (more == 0 || error != SocketError.Success)
            {
                socket.Dispose();
                HasLeft = true;
                return null;
            }
            count += more;
            return count == said.Length ? MemoryMarshal.Read<Introduction>(said) : null;
        }
    }
}
