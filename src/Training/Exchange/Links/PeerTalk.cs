using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// Short texts between two processes that have proved themselves: length as a byte, UTF-8, and an HMAC-SHA256 of the text and its
/// number, so that nobody else can slip one in. All calls block: a socket once used asynchronously wakes the runtime's
/// polling thread with every packet from then on, and takes twice as long.
/// </summary>
/// <param name="mine">The key of what this side says.</param>
/// <param name="theirs">The key of what the other says.</param>
internal sealed class PeerTalk(Socket socket, byte[] mine, byte[] theirs)
{
    private int said, heard;

    public Socket Socket => socket;

    public void Say(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text).AsSpan();
        bytes = bytes[..Math.Min(bytes.Length, byte.MaxValue)];
        socket.Send([(byte)bytes.Length, .. bytes, .. Seal(mine, said++, bytes)]);
    }

    /// <exception cref="IOException">Somebody else has said it.</exception>
    public string Hear()
    {
        var text = Read(socket, Read(socket, 1)[0]);
        var seal = Read(socket, HMACSHA256.HashSizeInBytes);
        return CryptographicOperations.FixedTimeEquals(seal, Seal(theirs, heard++, text))
            ? Encoding.UTF8.GetString(text)
            : throw new IOException("What came over a connection of the exchange is not what the peer has sent: something between the two changes it.");
    }

    /// <exception cref="SocketException">The other side has hung up.</exception>
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

    private static byte[] Seal(byte[] key, int number, ReadOnlySpan<byte> text)
    {
        var numbered = new byte[sizeof(int) + text.Length];
        BinaryPrimitives.WriteInt32LittleEndian(numbered, number);
        text.CopyTo(numbered.AsSpan(sizeof(int)));
        return HMACSHA256.HashData(key, numbered);
    }
}
