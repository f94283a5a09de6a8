using System.Net.Security;

namespace Granary.Training.Exchange.Links;

/// <summary>Another process of the round that has proved to be one, and what both have said of themselves.</summary>
/// <param name="Process">Its number in the round.</param>
/// <param name="IsLocal">Whether it runs on this machine.</param>
/// <param name="Wanted">What the link is to be if it is local.</param>
/// <param name="Encrypt">Encrypts the connection; <see langword="null"/>: neither side does.</param>
internal sealed record ProvenPeer(int Process, PeerTalk Talk, bool IsLocal, Transport Wanted, Func<Stream, SslStream>? Encrypt)
{
    /// <summary>The connection itself as the link.</summary>
    public PeerLink OverTcp(IEnumerable<string> remarks)
    {
        var remark = string.Join("; ", remarks);
        return Encrypt is null
            ? new SocketLink(Process, Talk.Socket) { IsLocal = IsLocal, Remark = remark }
            : TlsLink.Over(Process, Talk.Socket, Encrypt, IsLocal, remark);
    }
}
