using System.Runtime.InteropServices;
using System.Text;

namespace Granary.Torch.Runtime;

/// <summary>Reads what a native library of Linux wants of others.</summary>
internal static class ElfSymbols
{
    private const int DynamicSymbols = 11, Undefined = 0, Global = 1;

    /// <summary>The symbols that must be found elsewhere. Weak ones may be missing, and are left out.</summary>
    /// <param name="file">A shared library: ELF of 64 bits, little-endian, with its table of sections.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static IReadOnlyList<string> Wanted(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith("\u007fELF\u0002\u0001"u8))
        {
            throw new InvalidDataException("The file is no ELF library of 64 bits.");
        }
        try
        {
            var header = MemoryMarshal.Read<Header>(file);
            var sections = MemoryMarshal.Cast<byte, Section>(file[(int)header.Sections..])[..header.SectionCount];
            foreach (var section in sections)
            {
                if (section.Type == DynamicSymbols)
                {
                    return Wanted(MemoryMarshal.Cast<byte, Symbol>(Content(file, section)), Content(file, sections[(int)section.Link]));
                }
            }
        }
        catch (Exception error) when (error is ArgumentException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("The ELF library is cut off.", error);
        }
        throw new InvalidDataException("The ELF library has no table of dynamic symbols.");
    }

    private static List<string> Wanted(ReadOnlySpan<Symbol> symbols, ReadOnlySpan<byte> names)
    {
        List<string> wanted = [];
        foreach (var symbol in symbols)
        {
            if (symbol.Section == Undefined && symbol.Info >> 4 == Global)
            {
                var name = names[(int)symbol.Name..];
                wanted.Add(Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]));
            }
        }
        return wanted;
    }

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> file, Section section) => file.Slice((int)section.Offset, (int)section.Size);

    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Header
    {
        [FieldOffset(0x28)]
        public long Sections;

        [FieldOffset(0x3c)]
        public ushort SectionCount;
    }

    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Section
    {
        [FieldOffset(0x04)]
        public uint Type;

        [FieldOffset(0x18)]
        public long Offset;

        [FieldOffset(0x20)]
        public long Size;

        [FieldOffset(0x28)]
        public uint Link;
    }

    [StructLayout(LayoutKind.Explicit, Size = 24)]
    private struct Symbol
    {
        [FieldOffset(0)]
        public uint Name;

        [FieldOffset(4)]
        public byte Info;

        [FieldOffset(6)]
        public ushort Section;
    }
}
