using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Granary.Training.Exchange.Links;

/// <summary>32 bytes: a hash, or as many random ones. The default is none.</summary>
internal readonly record struct Digest(ulong A, ulong B, ulong C, ulong D)
{
    public static Digest Of(ReadOnlySpan<byte> data) => Read(SHA256.HashData(data));

    public static Digest Random() => Read(RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes));

    private static Digest Read(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<Digest>(bytes);
}
