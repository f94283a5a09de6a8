using System.Globalization;
using Granary.Training;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>
/// What a packed file unpacks to, as long as its size is plausible: a few bytes can unpack to many gigabytes of nothing. At
/// the end the content must be whole.
/// </summary>
/// <param name="file">What the content is unpacked from; how far it has been read says how much is plausible.</param>
internal sealed class UnpackedStream(Stream content, FileStream file, DataPart part, Action<ReadOnlySpan<byte>> append, Action check) : ReadOnlyStream
{
    /// <summary>How many times its own size a packed file may unpack to, beyond 8 MiB. Default: 100.</summary>
    public const string Variable = "GRANARY_UNPACK_TIMES";

    private const int DefaultTimes = 100, AnyFile = 8 << 20;
    private readonly long start = file.Position, times = Times;
    private long total;

    /// <summary>The most bytes that this many packed bytes may plausibly unpack to.</summary>
    public static long Most(long packed) => Most(packed, Times);

    public override int Read(Span<byte> buffer)
    {
        var read = content.Read(buffer);
        total += read;
        append(buffer[..read]);
        if (total > Most(file.Position - start, times))
        {
            throw new TrainingDataException($"{part} unpacks to more than {times} times its size, as a trap would. If it is none, set {Variable} to a number above {times}.");
        }
        if (read == 0 && buffer.Length > 0)
        {
            check();
        }
        return read;
    }

    private static long Times => EnvironmentVariable.Read(Variable) switch
    {
        null => DefaultTimes,
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var times) && times > 0 => times,
        var text => throw new TrainingDataException($"{Variable} is '{text}', but it takes a whole number from 1. Default: {DefaultTimes}."),
    };

    private static long Most(long packed, long times) => AnyFile + packed * times;
}
