using System.Runtime.InteropServices;

namespace Granary.Training.Files;

/// <summary>Opens files that have an end: a pipe holds up whoever opens it, and a device may go on for ever.</summary>
public static unsafe partial class RegularFile
{
    private const int CurrentFolder = -100, KeepLink = 0x100, TypeWanted = 1;
    private const int ModePlace = 28, TypeBits = 0xF000;

    /// <param name="path">Relative paths begin at the current folder.</param>
    /// <param name="followLink">Whether a link to a file will do. Default: yes.</param>
    /// <exception cref="IOException">It is not there, or it is something else. The message names it.</exception>
    /// <exception cref="UnauthorizedAccessException"/>
    public static FileStream Open(string path, bool followLink = true) => OddKind(path, followLink) is { } kind
        ? throw new IOException($"'{path}' is {kind}, not a file.")
        : new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);

    /// <summary><see langword="null"/>: a file, or a problem that opening it will show.</summary>
    private static string? OddKind(string path, bool followLink)
    {
        var status = stackalloc byte[256]; // struct statx, the same on all of Linux
        if (!OperatingSystem.IsLinux() || Status(CurrentFolder, path, followLink ? 0 : KeepLink, TypeWanted, status) != 0)
        {
            return null;
        }
        return (*(ushort*)(status + ModePlace) & TypeBits) switch
        {
            0x1000 => "a pipe",
            0x2000 or 0x6000 => "a device",
            0x4000 => "a folder",
            0xA000 => "a link",
            0xC000 => "a socket",
            _ => null,
        };
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int folder, string path, int flags, uint wanted, byte* status);
}
