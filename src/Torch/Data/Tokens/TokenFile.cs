using System.Buffers.Binary;
using Granary.Training.Files;
using Granary.Training.Tasks;
using Microsoft.Win32.SafeHandles;

namespace Granary.Torch.Data.Tokens;

/// <summary>
/// A text of any size as a file of token numbers, two or four bytes each, lowest byte first, and nothing else, like nanoGPT's
/// <c>train.bin</c>. Only what is asked for is read, through the system's own cache. Not mapped into memory: a mapped file that somebody
/// shortens ends the process without a word. Several threads may use it at once.
/// </summary>
public sealed class TokenFile : IDisposable, ITokens
{
    private readonly string path;
    private readonly int bytesPerToken, vocabulary;
    private readonly SafeFileHandle file;

    /// <param name="bytesPerToken">2 or 4.</param>
    /// <param name="vocabulary">How many tokens there are; a larger number in the file is an error when it is read. Default: any number.</param>
    /// <exception cref="TrainingDataException">It is not there, or its length is no whole number of tokens.</exception>
    public TokenFile(string path, int bytesPerToken, int vocabulary = int.MaxValue)
    {
        if (bytesPerToken is not (2 or 4))
        {
            throw new ArgumentOutOfRangeException(nameof(bytesPerToken), bytesPerToken, "A token has two bytes or four.");
        }
        (this.path, this.bytesPerToken, this.vocabulary) = (path, bytesPerToken, vocabulary);
        try
        {
            using (RegularFile.Open(path))
            {
            }
            file = File.OpenHandle(path, options: FileOptions.RandomAccess);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message} Is the path right, and on this machine too?", error);
        }
        var bytes = RandomAccess.GetLength(file);
        Count = bytes / bytesPerToken;
        if (bytes % bytesPerToken != 0)
        {
            file.Dispose();
            throw new TrainingDataException($"'{path}' has {bytes} bytes, which are no tokens of {bytesPerToken} bytes each. Is it cut off, or of another kind?");
        }
    }

    /// <summary>Tokens in the file.</summary>
    public long Count { get; }

    /// <param name="start">How many tokens lie before the first one that is wanted.</param>
    /// <exception cref="TrainingDataException">The file has become shorter, cannot be read, or holds a token that there is not.</exception>
    public void Read(long start, Span<long> tokens)
    {
        var bytes = new byte[tokens.Length * bytesPerToken];
        try
        {
            for (var read = 0; read < bytes.Length;)
            {
                var more = RandomAccess.Read(file, bytes.AsSpan(read), start * bytesPerToken + read);
                read += more > 0 ? more : throw new TrainingDataException($"'{path}' ends before token {start + tokens.Length}: it has become shorter. Put it back as it was.");
            }
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message}", error);
        }
        for (var i = 0; i < tokens.Length; i++)
        {
            var token = bytes.AsSpan(i * bytesPerToken);
            tokens[i] = bytesPerToken == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(token) : BinaryPrimitives.ReadUInt32LittleEndian(token);
            if (tokens[i] >= vocabulary)
            {
                throw new TrainingDataException($"'{path}' has the token {tokens[i]} as number {start + i}, and there are only {vocabulary}. Are these the tokens that were named?");
            }
        }
    }

    /// <summary>Writes such a file.</summary>
    /// <exception cref="ArgumentException">A token does not fit into that many bytes.</exception>
    public static void Write(string path, IEnumerable<int> tokens, int bytesPerToken)
    {
        using var file = new BufferedStream(File.Create(path), 1 << 20);
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        foreach (var token in tokens)
        {
            if (token < 0 || (bytesPerToken == 2 && token > ushort.MaxValue))
            {
                throw new ArgumentException($"Token {token} does not fit into {bytesPerToken} bytes. Take four.");
            }
            BinaryPrimitives.WriteInt32LittleEndian(bytes, token);
            file.Write(bytes[..bytesPerToken]);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
