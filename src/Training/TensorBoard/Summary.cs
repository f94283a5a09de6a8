using System.Buffers.Binary;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Training.TensorBoard;

/// <summary>What an event shows: TensorBoard's message <c>Summary</c>, in the forms that all its versions read.</summary>
internal sealed class Summary
{
    private const int StringType = 7, PngHeader = 26;
    private static readonly byte[] pngSignature = [0x89, .. "PNG\r\n"u8, 0x1A, .. "\n"u8];
    private static readonly ProtoMessage textPlugin = new ProtoMessage().Message(1, new ProtoMessage().Text(1, "text"));

    public ProtoMessage Message { get; } = new();

    public bool IsEmpty => Message.Written.IsEmpty;

    public void Scalar(string tag, double value) => Add(new ProtoMessage().Text(1, tag).Float(2, (float)value));

    public void Markdown(string tag, string text) => Add(new ProtoMessage().Text(1, tag).Message(9, textPlugin).Message(8, new ProtoMessage()
        .Integer(1, StringType)
        .Message(2, new ProtoMessage().Message(2, new ProtoMessage().Integer(1, 1)))
        .Text(8, text)));

    /// <summary>A PNG file; what is none is left out.</summary>
    public void Picture(string tag, ReadOnlySpan<byte> png)
    {
        if (png.Length < PngHeader || !png.StartsWith(pngSignature))
        {
            return;
        }
        Add(new ProtoMessage().Text(1, tag).Message(4, new ProtoMessage()
            .Integer(1, BinaryPrimitives.ReadUInt32BigEndian(png[20..]))
            .Integer(2, BinaryPrimitives.ReadUInt32BigEndian(png[16..]))
            .Integer(3, ChannelsOf(png[25]))
            .Bytes(4, png)));
    }

    /// <summary>Where a tensor's values lie; of one without finite values there is nothing to show.</summary>
    public void Histogram(string tag, StateTensor tensor)
    {
        if (TensorHistogram.Of(tensor) is { } values)
        {
            Add(new ProtoMessage().Text(1, tag).Message(5, new ProtoMessage()
                .Double(1, values.Min)
                .Double(2, values.Max)
                .Double(3, values.Count)
                .Double(4, values.Sum)
                .Double(5, values.SumOfSquares)
                .Doubles(6, values.Limits)
                .Doubles(7, values.Counts)));
        }
    }

    private static int ChannelsOf(byte colourType) => colourType switch
    {
        0 => 1, // grey
        4 => 2, // grey with transparency
        6 => 4, // colours with transparency
        _ => 3,
    };

    private void Add(ProtoMessage value) => Message.Message(1, value);
}
