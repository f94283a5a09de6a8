using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Exchange;

/// <summary>The two sides of a connection.</summary>
internal enum Side
{
    Caller,
    Called,
}

/// <summary>
/// What only a process that knows the round's key can make of the greetings of both sides: HMAC-SHA256 of all of them. Each has a
/// nonce of either side, the round, both ranks and the direction in it, so that it fits nowhere else and never again. The key
/// itself does not travel.
/// </summary>
internal sealed record PeerProof(Guid Key, Greeting Caller, Greeting Called)
{
    public const int Bytes = HMACSHA256.HashSizeInBytes;

    private const string Purpose = "granary exchange 1, ";

    /// <summary>By what the round is known to those who do not know its key.</summary>
    public static Guid NameOf(Guid key) => new(Mac(key, "name").AsSpan(0, 16));

    /// <summary>A side's proof.</summary>
    public byte[] Of(Side side) => Mac(Key, $"proof of the {side}", [.. Caller.ToBytes(), .. Called.ToBytes()]);

    /// <summary>Compares in a time that tells nothing of where they differ.</summary>
    public bool IsOf(Side side, ReadOnlySpan<byte> proof) => CryptographicOperations.FixedTimeEquals(Of(side), proof);

    /// <summary>What the two say to one another from then on.</summary>
    public PeerTalk Talk(Socket socket, Side mine)
    {
        byte[] KeyOf(Side side) => Mac(Key, $"words of the {side}", [.. Caller.ToBytes(), .. Called.ToBytes()]);
        return new(socket, KeyOf(mine), KeyOf(mine == Side.Caller ? Side.Called : Side.Caller));
    }

    private static byte[] Mac(Guid key, string purpose, params ReadOnlySpan<byte> data) =>
        HMACSHA256.HashData(key.ToByteArray(), (byte[])[.. Encoding.UTF8.GetBytes(Purpose + purpose), 0, .. data]);
}
