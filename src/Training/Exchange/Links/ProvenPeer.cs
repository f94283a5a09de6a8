using System.Net.Sockets;

namespace Granary.Training.Exchange.Links;

/// <summary>Another process of the round that has proved to be one, and what both have said of themselves.</summary>
/// <param name="Process">Its number in the round.</param>
/// <param name="IsLocal">Whether it runs on this machine.</param>
/// <param name="Wanted">What the link is to be if it is local.</param>
/// <param name="Agree">Agrees with the other on the keys to encrypt with; <see langword="null"/>: neither side encrypts.</param>
internal sealed record ProvenPeer(int Process, PeerTalk Talk, bool IsLocal, Transport Wanted, Func<Socket, LinkKeys>? Agree)
{
    /// <summary>The connection itself as the link.</summary>
    public PeerLink OverTcp(IEnumerable<string> remarks)
    {
        var remark = string.Join("; ", remarks);
        return Agree is null
            ? new SocketLink(Process, Talk.Socket) { IsLocal = IsLocal, Remark = remark }
            : new EncryptedLink(Process, Talk.Socket, Agree(Talk.Socket)) { IsLocal = IsLocal, Remark = remark };
    }
}
