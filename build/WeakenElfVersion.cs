using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// Marks one symbol version that a 64-bit little-endian ELF library requires as weak (VER_FLG_WEAK), so that the loader
/// accepts a system without it; one that has it resolves it as before. Layout: System V gABI, "Symbol Versioning" (section .gnu.version_r).
public class WeakenElfVersion : Task
{
    const uint SectionTypeVersionNeeds = 0x6ffffffe;
    const byte VersionFlagWeak = 2;

    [Required] public string Library { get; set; }
    [Required] public string Version { get; set; }
    [Required] public string Copy { get; set; }

    public override bool Execute()
    {
        byte[] elf = File.ReadAllBytes(Library);
        if (elf.Length >= 64 && elf[0] == 0x7f && elf[1] == (byte)'E' && elf[4] == 2 && elf[5] == 1)
        {
            Weaken(elf);
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Copy));
        File.WriteAllBytes(Copy, elf);
        return true;
    }

    void Weaken(byte[] elf)
    {
        int sections = (int)BitConverter.ToInt64(elf, 0x28);
        int entrySize = BitConverter.ToUInt16(elf, 0x3A), count = BitConverter.ToUInt16(elf, 0x3C);
        for (int i = 0; i < count; i++)
        {
            int section = sections + i * entrySize;
            if (BitConverter.ToUInt32(elf, section + 4) != SectionTypeVersionNeeds)
            {
                continue;
            }
            int strings = Offset(elf, sections + (int)BitConverter.ToUInt32(elf, section + 40) * entrySize);
            for (int need = Offset(elf, section), next = 1; next != 0; need += next)
            {
                next = (int)BitConverter.ToUInt32(elf, need + 12);
                int versions = BitConverter.ToUInt16(elf, need + 2);
                int entry = need + (int)BitConverter.ToUInt32(elf, need + 8);
                for (int k = 0; k < versions; k++, entry += (int)BitConverter.ToUInt32(elf, entry + 12))
                {
                    if (Name(elf, strings + (int)BitConverter.ToUInt32(elf, entry + 8)) == Version)
                    {
                        elf[entry + 4] |= VersionFlagWeak;
                    }
                }
            }
        }
    }

    static int Offset(byte[] elf, int section) { return (int)BitConverter.ToInt64(elf, section + 24); }

    static string Name(byte[] elf, int start)
    {
        int end = Array.IndexOf(elf, (byte)0, start);
        return Encoding.ASCII.GetString(elf, start, end - start);
    }
}
