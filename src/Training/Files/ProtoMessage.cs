using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Granary.Training.Files;

/// <summary>A message of protocol buffers, written field by field.</summary>
internal sealed class ProtoMessage
{
    private const int Varint = 0, Fixed64 = 1, LengthFirst = 2, Fixed32 = 5;
    private readonly ArrayBufferWriter<byte> written = new();

    public ReadOnlySpan<byte> Written => written.WrittenSpan;

    public ProtoMessage Integer(int field, long value)
    {
        Key(field, Varint);
        Write((ulong)value);
        return this;
    }

    public ProtoMessage Double(int field, double value)
    {
        Key(field, Fixed64);
        BinaryPrimitives.WriteDoubleLittleEndian(written.GetSpan(sizeof(double)), value);
        written.Advance(sizeof(double));
        return this;
    }

    public ProtoMessage Float(int field, float value)
    {
        Key(field, Fixed32);
        BinaryPrimitives.WriteSingleLittleEndian(written.GetSpan(sizeof(float)), value);
        written.Advance(sizeof(float));
        return this;
    }

    public ProtoMessage Bytes(int field, ReadOnlySpan<byte> value)
    {
        Key(field, LengthFirst);
        Write((ulong)value.Length);
        written.Write(value);
        return this;
    }

    /// <summary>The beginning of a field whose bytes are written by somebody else, behind the message.</summary>
    public ProtoMessage BytesAhead(int field, long length)
    {
        Key(field, LengthFirst);
        Write((ulong)length);
        return this;
    }

    public ProtoMessage Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public ProtoMessage Message(int field, ProtoMessage value) => Bytes(field, value.Written);

    /// <summary>A repeated field, packed.</summary>
    public ProtoMessage Doubles(int field, ReadOnlySpan<double> values) => Bytes(field, MemoryMarshal.AsBytes(values));

    private void Key(int field, int kind) => Write((ulong)(field << 3 | kind));

    private void Write(ulong value)
    {
        for (; value > 0x7F; value >>= 7)
        {
            Write((byte)(value | 0x80));
        }
        Write((byte)value);
    }

    private void Write(byte value)
    {
        written.GetSpan(1)[0] = value;
        written.Advance(1);
    }
}
