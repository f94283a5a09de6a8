using System.IO.Compression;

namespace Granary.Torch.Data;

/// <summary>
/// Hands a gzip file to <see cref="GZipStream"/>, which reads several members one after another, but tells neither where the
/// last one ends nor whether it is complete.
/// </summary>
internal sealed class GzipSource(FileStream file) : ReadOnlyStream
{
    // This near to the end, bytes are handed out one by one: those that are never asked for lie behind the last member.
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
        // Zeros may follow a member. A reader at its end is content with one; a reader that asks for more is in the middle of it.
        buffer[0] = !padded ? (byte)0 : throw new InvalidDataException("it ends early");
        padded = true;
        return 1;
    }

    /// <exception cref="InvalidDataException">Something other than zeros follows the last member: it would be lost unnoticed.</exception>
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
