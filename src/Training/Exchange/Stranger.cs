using System.Net.Sockets;

namespace Granary.Training.Exchange;

/// <summary>
/// A connection that has proved nothing yet. First it greets. If its round is known here it is answered with a greeting and a
/// proof, and then has to prove itself; else it waits. What does not fit is hung up on.
/// </summary>
internal sealed class Stranger(Socket socket, TimeProvider time)
{
    private readonly byte[] said = new byte[Greeting.Bytes];
    private int count;
    private Greeting? greeting;
    private Expected? host;
    private PeerProof? proof;

    public Socket Socket => socket;

    /// <summary>When it came or, if it had to wait, was answered.</summary>
    public long Since { get; private set; } = time.GetTimestamp();

    /// <summary>Whether it has greeted, and its round is not known here.</summary>
    public bool IsWaiting => greeting is not null && proof is null;

    /// <summary>Takes what has come, without waiting for more.</summary>
    /// <returns>Whether it is still a stranger; if not, its connection is somebody else's, or closed.</returns>
    public bool Hear(IReadOnlyDictionary<(Guid Round, int From), Expected> expected)
    {
        var length = proof is null ? Greeting.Bytes : PeerProof.Bytes;
        var more = IsWaiting ? 0 : socket.Receive(said.AsSpan(count, length - count), SocketFlags.None, out _);
        count += more;
        if (more <= 0 || (proof is null && !Greeting.MayBegin(said.AsSpan(0, count))))
        {
            return HangUp();
        }
        return count < length || (proof is null ? HasGreeted(expected) : HasProved());
    }

    /// <summary>Answers it if its round is known by now.</summary>
    /// <returns>Whether it is still a stranger.</returns>
    public bool IsWelcome(IReadOnlyDictionary<(Guid Round, int From), Expected> expected)
    {
        var theirs = greeting!.Value;
        if (!expected.TryGetValue((theirs.Round, theirs.From), out host))
        {
            return true;
        }
        var mine = host.Mine with { Nonce = Links.Digest.Random() };
        // What has never sent anything has room for this, if the system has any.
        if (!theirs.Answers(mine) || !socket.Poll(0, SelectMode.SelectWrite))
        {
            return HangUp();
        }
        proof = new(host.Key, theirs, mine);
        (count, Since) = (0, time.GetTimestamp());
        socket.Send([.. mine.ToBytes(), .. proof.Of(Side.Called)], SocketFlags.None, out _);
        return true;
    }

    private bool HasGreeted(IReadOnlyDictionary<(Guid Round, int From), Expected> expected)
    {
        greeting = Greeting.Read(said);
        return IsWelcome(expected);
    }

    private bool HasProved()
    {
        if (!proof!.IsOf(Side.Caller, said.AsSpan(0, count)) || !host!.Arrival.TrySetResult(new(socket, proof)))
        {
            return HangUp();
        }
        return false;
    }

    private bool HangUp()
    {
        socket.Dispose();
        return false;
    }
}
