using System.IO.Compression;
using System.IO.Hashing;

namespace Granary.Torch.Data;

/// <summary>What a zip archive says of a member's content, which <see cref="ZipArchive"/> does not compare.</summary>
internal sealed class ZipChecksum(ZipArchiveEntry member)
{
    private readonly Crc32 checksum = new();
    private long length;

    public void Append(ReadOnlySpan<byte> content)
    {
        checksum.Append(content);
        length += content.Length;
    }

    /// <exception cref="InvalidDataException"/>
    public void Check()
    {
        if (length != member.Length || checksum.GetCurrentHashAsUInt32() != member.Crc32)
        {
            throw new InvalidDataException("its checksum is wrong");
        }
    }
}
