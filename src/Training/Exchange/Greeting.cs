using System.Runtime.InteropServices;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Exchange;

/// <summary>
/// What a process says of itself to a peer before either has proved anything. Nothing of it is secret; the proofs of both
/// sides cover all of it.
/// </summary>
/// <param name="Form"><see cref="Ours"/>: anything else is somebody else's, or of another version.</param>
/// <param name="Round">The round's name, which does not tell its key: see <see cref="PeerProof.NameOf"/>.</param>
/// <param name="Host">The machine that the process runs on.</param>
/// <param name="Certificate">The hash of the certificate that it encrypts with; none: it does not encrypt.</param>
/// <param name="Nonce">Random, used once.</param>
/// <param name="From">The process's rank in the round.</param>
/// <param name="To">The rank of the process that it speaks to.</param>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(int))]
internal readonly record struct Greeting(ulong Form, Guid Round, Guid Host, Digest Certificate, Digest Nonce, int From, int To, Transport Transport)
{
    public static readonly ulong Ours = MemoryMarshal.Read<ulong>("granary1"u8);

    public static int Bytes { get; } = Marshal.SizeOf<Greeting>();

    public bool IsEncrypted => Certificate != default;

    /// <summary>Whether bytes may be the beginning of a greeting.</summary>
    public static bool MayBegin(ReadOnlySpan<byte> bytes) => bytes.Length < sizeof(ulong) || MemoryMarshal.Read<ulong>(bytes) == Ours;

    public static Greeting Read(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<Greeting>(bytes);

    public byte[] ToBytes()
    {
        var bytes = new byte[Bytes];
        MemoryMarshal.Write(bytes, this);
        return bytes;
    }

    /// <summary>Whether it is from whom the other greeting is for, and for whom that one is from.</summary>
    public bool Answers(Greeting other) => (Form, Round, From, To) == (Ours, other.Round, other.To, other.From);
}
