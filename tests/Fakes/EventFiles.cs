using System.Buffers.Binary;
using System.Text;

namespace Granary.Tests.Fakes;

/// <summary>Reads event files as TensorBoard does, in code of its own: it shares nothing with what writes them.</summary>
internal static class EventFiles
{
    /// <summary>The event files of a run, in TensorBoard's order.</summary>
    public static IReadOnlyList<string> Of(string runDirectory) => [.. Directory.GetFiles(Path.Combine(runDirectory, "tensorboard"), "*tfevents*").Order(StringComparer.Ordinal)];

    /// <summary>The values that TensorBoard shows of a run: a session that starts at a step drops what was told of that step and later ones.</summary>
    public static IReadOnlyList<(long Step, ShownValue Value)> Shown(string runDirectory)
    {
        var shown = new List<(long Step, ShownValue Value)>();
        foreach (var entry in Of(runDirectory).SelectMany(Read))
        {
            if (entry.Session == 1)
            {
                shown.RemoveAll(earlier => earlier.Step >= entry.Step);
            }
            shown.AddRange(entry.Values.Select(value => (entry.Step, value)));
        }
        return shown;
    }

    /// <summary>The events of a file. A record that is cut off ends it.</summary>
    /// <exception cref="InvalidDataException">A checksum is wrong.</exception>
    public static IEnumerable<ShownEvent> Read(string path) => Records(File.ReadAllBytes(path)).Select(record => new ShownEvent(record));

    public static IEnumerable<byte[]> Records(byte[] file)
    {
        for (var start = 0; start + 12 <= file.Length;)
        {
            Check(file.AsSpan(start, 8), file.AsSpan(start + 8, 4));
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(start));
            if (start + 16 + length > file.Length)
            {
                yield break;
            }
            Check(file.AsSpan(start + 12, length), file.AsSpan(start + 12 + length, 4));
            yield return file[(start + 12)..(start + 12 + length)];
            start += 16 + length;
        }
    }

    private static void Check(ReadOnlySpan<byte> data, ReadOnlySpan<byte> masked)
    {
        var turned = BinaryPrimitives.ReadUInt32LittleEndian(masked) - 0xA282EAD8;
        if ((turned << 15 | turned >> 17) != Checksum(data))
        {
            throw new InvalidDataException("A record's checksum is wrong.");
        }
    }

    // Castagnoli's polynomial, bit by bit.
    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        var rest = uint.MaxValue;
        foreach (var value in data)
        {
            rest ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                rest = (rest >> 1) ^ ((rest & 1) * 0x82F63B78);
            }
        }
        return ~rest;
    }
}

/// <summary>An event of TensorBoard.</summary>
internal sealed class ShownEvent(byte[] message)
{
    private readonly ProtoFields fields = new(message);

    public double WallTime => fields.Double(1);

    public long Step => (long)fields.Number(2);

    public string? Version => fields.Has(3) ? fields.Text(3) : null;

    /// <summary>1: a session starts.</summary>
    public ulong? Session => fields.Has(7) ? fields.Message(7).Number(1) : null;

    public IReadOnlyList<ShownValue> Values => fields.Has(5) ? [.. fields.Message(5).All(1).Select(value => new ShownValue(value))] : [];
}

/// <summary>What an event shows under a tag.</summary>
internal sealed class ShownValue(byte[] message)
{
    private readonly ProtoFields fields = new(message);

    public string Tag => fields.Text(1);

    public float? Scalar => fields.Has(2) ? fields.Float(2) : null;

    public string? Markdown => fields.Has(8) && fields.Message(9).Message(1).Text(1) == "text" && fields.Message(8).Number(1) == 7 ? fields.Message(8).Text(8) : null;

    public (ulong Height, ulong Width, ulong Channels, byte[] Png)? Picture => fields.Has(4) ? (fields.Message(4).Number(1), fields.Message(4).Number(2), fields.Message(4).Number(3), fields.Message(4).Bytes(4)) : null;

    public (double Min, double Max, double Count, double Sum, double SumOfSquares, double[] Limits, double[] Counts)? Histogram => fields.Has(5) && fields.Message(5) is var values
        ? (values.Double(1), values.Double(2), values.Double(3), values.Double(4), values.Double(5), values.Doubles(6), values.Doubles(7))
        : null;
}

/// <summary>The fields of a message of protocol buffers.</summary>
internal sealed class ProtoFields
{
    private readonly List<(int Field, byte[] Content)> fields = [];

    public ProtoFields(ReadOnlySpan<byte> message)
    {
        while (!message.IsEmpty)
        {
            var key = Varint(ref message);
            var length = (key & 7) switch
            {
                0 => VarintLength(message),
                1 => 8,
                2 => (int)Varint(ref message),
                5 => 4,
                var kind => throw new InvalidDataException($"No field is of kind {kind}."),
            };
            fields.Add(((int)(key >> 3), message[..length].ToArray()));
            message = message[length..];
        }
    }

    public bool Has(int field) => fields.Any(entry => entry.Field == field);

    public IEnumerable<byte[]> All(int field) => fields.Where(entry => entry.Field == field).Select(entry => entry.Content);

    public byte[] Bytes(int field) => All(field).Single();

    public ulong Number(int field)
    {
        ReadOnlySpan<byte> content = Bytes(field);
        return Varint(ref content);
    }

    public double Double(int field) => BinaryPrimitives.ReadDoubleLittleEndian(Bytes(field));

    public double[] Doubles(int field) => [.. Bytes(field).Chunk(8).Select(value => BinaryPrimitives.ReadDoubleLittleEndian(value))];

    public float Float(int field) => BinaryPrimitives.ReadSingleLittleEndian(Bytes(field));

    public string Text(int field) => Encoding.UTF8.GetString(Bytes(field));

    public ProtoFields Message(int field) => new(Bytes(field));

    private static int VarintLength(ReadOnlySpan<byte> from)
    {
        var rest = from;
        Varint(ref rest);
        return from.Length - rest.Length;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> from)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = from[0];
            from = from[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
