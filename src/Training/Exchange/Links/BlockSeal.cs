using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// One direction of an encrypted connection: its blocks are sealed one by one with AES-256-GCM. A block's number is its nonce, so one that is changed, left out,
/// said twice or moved does not open. Of what one key may encrypt (about 400 GB, RFC 8446, 5.5) a hundredth is used: every 65,536 blocks, of 64 KiB at most,
/// the next key is derived from the last, which is forgotten.
/// </summary>
internal sealed class BlockSeal(byte[] key) : IDisposable
{
    public const int TagBytes = 16;
    internal const int BlocksOfAKey = 1 << 16;
    private readonly byte[] nonce = new byte[AesGcm.NonceByteSizes.MaxSize];
    private AesGcm cipher = new(key, TagBytes);
    private long number;

    /// <summary>Encrypts a block where it lies.</summary>
    /// <param name="head">What is not secret, but sealed as well.</param>
    public void Seal(ReadOnlySpan<byte> head, Span<byte> block, Span<byte> tag)
    {
        cipher.Encrypt(nonce, block, block, tag, head);
        GoOn();
    }

    /// <exception cref="AuthenticationTagMismatchException">It is not the block that was sealed next.</exception>
    public void Open(ReadOnlySpan<byte> head, ReadOnlySpan<byte> block, ReadOnlySpan<byte> tag, Span<byte> into)
    {
        cipher.Decrypt(nonce, block, tag, into, head);
        GoOn();
    }

    public void Dispose()
    {
        cipher.Dispose();
        CryptographicOperations.ZeroMemory(key);
    }

    private void GoOn()
    {
        BinaryPrimitives.WriteInt64LittleEndian(nonce, ++number);
        if (number % BlocksOfAKey == 0)
        {
            var next = HKDF.Expand(HashAlgorithmName.SHA256, key, key.Length, "granary exchange, the next key"u8.ToArray());
            next.CopyTo(key, 0);
            CryptographicOperations.ZeroMemory(next);
            cipher.Dispose();
            cipher = new(key, TagBytes);
        }
    }
}
