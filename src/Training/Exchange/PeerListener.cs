using System.Net;
using System.Net.Sockets;
using System.Net.Security;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Exchange;

/// <summary>Where a process takes connections of its peers.</summary>
public sealed record PeerAddress(string Host, int Port);

/// <summary>
/// The one port of a process for gradients. Whoever connects proves that it belongs to a round, by the round's key, which does not
/// travel, and this process proves the same; anyone else is hung up on.
/// </summary>
public sealed class PeerListener : IDisposable
{
    private const int MostTries = 10;
    private static readonly TimeSpan TryAgain = TimeSpan.FromMilliseconds(100);
    private readonly PeerAdmission admission;
    private readonly Transport transport;
    private readonly Guid host;
    private readonly string sharedMemory;
    private readonly PeerEncryption? encryption;

    /// <param name="port">0: any free one.</param>
    /// <param name="transport">What the links may be; the other side has its say, too.</param>
    /// <param name="host">The machine this process runs on. Default: <see cref="Host.Id"/>.</param>
    /// <param name="sharedMemory">The folder whose files are memory.</param>
    /// <param name="encryption">Encrypts what goes over TCP. Default: nothing does, and peers that encrypt are not met.</param>
    /// <exception cref="SocketException">The port is taken.</exception>
    /// <exception cref="IOException">This process cannot make the links that it is to use.</exception>
    public PeerListener(IPAddress address, int port, Transport transport = Transport.Auto, Guid? host = null, string sharedMemory = SharedSegment.Folder, PeerEncryption? encryption = null)
    {
        (this.transport, this.host, this.sharedMemory, this.encryption) = (transport, host ?? Host.Id, sharedMemory, encryption);
        LinkNegotiation.CheckOwn(transport, sharedMemory);
        admission = new(address, port);
    }

    /// <summary>The port that it listens on.</summary>
    public int Port => admission.Port;

    /// <summary>Connections held that have proved nothing.</summary>
    internal int Strangers => admission.Held;

    /// <summary>Connects to every other process of a round, each by the best link there is: it calls those of lower rank, the others call it.</summary>
    /// <param name="key">Known to the round's members only, and never used for another round.</param>
    /// <returns>By rank; <see langword="null"/> at this process's own.</returns>
    /// <exception cref="IOException">A peer has not proved itself, or only one of the two sides encrypts.</exception>
    public async Task<PeerLink?[]> MeetAsync(Guid key, int rank, IReadOnlyList<PeerAddress> members, CancellationToken cancellationToken)
    {
        var certificate = encryption?.Certificate;
        var mine = new Greeting(Greeting.Ours, PeerProof.NameOf(key), host, certificate is null ? default : PeerEncryption.HashOf(certificate.TargetCertificate), default, rank, default, transport);
        var meetings = members.Select((member, other) =>
            other == rank ? Task.FromResult<PeerLink?>(null)
            : other < rank ? CallAsync(member, key, mine with { To = other }, certificate, cancellationToken)
            : ArriveAsync(key, mine with { To = other }, certificate, cancellationToken)).ToList();
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

    private async Task<PeerLink?> CallAsync(PeerAddress member, Guid key, Greeting mine, SslStreamCertificateContext? certificate, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            if (await TalkAsync(new(SocketType.Stream, ProtocolType.Tcp), Call, cancellationToken) is { } link)
            {
                return link;
            }
            if (tries == MostTries)
            {
                throw new IOException($"What listens at {member.Host}:{member.Port} has hung up {tries} times without an answer. Is it process {mine.To} of the round, of the same version of Granary?");
            }
            await Task.Delay(TryAgain, cancellationToken);
        }

        PeerLink? Call(Socket socket)
        {
            socket.Connect(member.Host, member.Port);
            socket.NoDelay = true;
            return Prove(socket, member, key, mine with { Nonce = Digest.Random() }) is { } proof
                ? LinkNegotiation.Take(PeerOf(socket, proof, Side.Caller, certificate), sharedMemory)
                : null;
        }
    }

    private async Task<PeerLink?> ArriveAsync(Guid key, Greeting mine, SslStreamCertificateContext? certificate, CancellationToken cancellationToken)
    {
        var (arrived, proof) = await admission.ArrivalAsync(key, mine, cancellationToken);
        return await TalkAsync<PeerLink?>(arrived, socket =>
        {
            socket.NoDelay = true;
            return LinkNegotiation.Make(PeerOf(socket, proof, Side.Called, certificate), sharedMemory);
        }, cancellationToken);
    }

    /// <returns><see langword="null"/>: the other side has hung up without an answer. Its room for strangers was full, say.</returns>
    /// <exception cref="IOException">The other side does not know the key.</exception>
    private static PeerProof? Prove(Socket socket, PeerAddress member, Guid key, Greeting mine)
    {
        byte[] answer;
        try
        {
            socket.Send(mine.ToBytes());
            answer = PeerTalk.Read(socket, Greeting.Bytes + PeerProof.Bytes);
        }
        catch (SocketException)
        {
            return null;
        }
        var proof = new PeerProof(key, mine, Greeting.Read(answer));
        if (!proof.Called.Answers(mine) || !proof.IsOf(Side.Called, answer.AsSpan(Greeting.Bytes)))
        {
            throw new IOException($"What answers at {member.Host}:{member.Port} has not proved to be process {mine.To} of the round. Is it another cluster's port, or another version of Granary?");
        }
        socket.Send(proof.Of(Side.Caller));
        return proof;
    }

    private ProvenPeer PeerOf(Socket socket, PeerProof proof, Side side, SslStreamCertificateContext? certificate)
    {
        var theirs = side == Side.Caller ? proof.Called : proof.Caller;
        if (theirs.IsEncrypted != certificate is not null)
        {
            throw new IOException($"Process {theirs.From} of the round {(theirs.IsEncrypted ? "encrypts its connections, and this one does not" : "does not encrypt its connections, and this one does")}. Does every silo of the cluster have a certificate?");
        }
        var wanted = transport == Transport.Auto ? theirs.Transport : theirs.Transport == Transport.Auto || theirs.Transport == transport ? transport : Transport.Tcp;
        return new(theirs.From, proof.Talk(socket, side), host == theirs.Host && host != Guid.Empty, wanted,
            certificate is null ? null : connected => encryption!.Agree(connected, isCalled: side == Side.Called, certificate, theirs.Certificate));
    }

    /// <summary>Makes blocking calls on a thread of their own: see <see cref="PeerTalk"/>.</summary>
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
