using System.IO.Compression;

namespace Granary.Torch.Data;

/// <summary>
/// Hands a gzip file to <see cref="GZipStream"/>, which takes several members one after another but neither tells where the
/// last has ended, nor whether it has ended at all.
/// </summary>
internal sealed class GzipSource(FileStream file) : ReadOnlyStream
{
    // So near to the end bytes are handed out one by one: what has not been asked for then lies behind the last member.
    private const int Tail = 4096;
    private bool padded;
    private byte last;

    public override int Read(Span<byte> buffer)
    {
        var left = file.Length - file.Position;
        var read = file.Read(buffer[..(int)Math.Min(buffer.Length, left > Tail ? left - Tail : 1)]);
        if (read > 0)
        {
            last = buffer[read - 1];
            return read;
        }
        // Zeros may follow a member. Who has come to its end is content with one; who asks for more stands in the middle.
        buffer[0] = !padded ? (byte)0 : throw new InvalidDataException("it ends early");
        padded = true;
        return 1;
    }

    /// <exception cref="InvalidDataException">More than zeros follow the last member: something is lost that nobody would miss.</exception>
    public void CheckEnd()
    {
        var rest = new byte[Tail];
        var isZero = padded || last == 0;
        for (int read; isZero && (read = file.Read(rest)) > 0;)
        {
            isZero = !rest.AsSpan(0, read).ContainsAnyExcept((byte)0);
        }
        if (!isZero)
        {
            throw new InvalidDataException("something else follows its end");
        }
    }
}
