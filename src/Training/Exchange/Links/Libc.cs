using System.Runtime.InteropServices;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// Linux calls that .NET has no equivalent of: sending several pieces of memory at once and waiting for several sockets, without
/// allocating; whose a file is, and opening it only if it is no link. Where they are missing, the sockets' own methods are used,
/// and processes of one machine meet over TCP.
/// </summary>
internal static unsafe partial class Libc
{
    public const short PollIn = 1, PollOut = 4;
    private const int WouldBlock = 11, Interrupted = 4;
    private const string Library = "libc";

    /// <summary>Whether the calls are there.</summary>
    public static bool IsPresent { get; } = OperatingSystem.IsLinux() && IntPtr.Size == 8
        && NativeLibrary.TryLoad(Library, typeof(Libc).Assembly, null, out var library)
        && NativeLibrary.TryGetExport(library, "writev", out _)
        && NativeLibrary.TryGetExport(library, "recv", out _)
        && NativeLibrary.TryGetExport(library, "poll", out _)
        && NativeLibrary.TryGetExport(library, "open", out _)
        && NativeLibrary.TryGetExport(library, "statx", out _);

    /// <summary>Whether the call that has just failed is to be tried again later.</summary>
    public static bool MustWait => Marshal.GetLastPInvokeError() is WouldBlock or Interrupted;

    [LibraryImport(Library, EntryPoint = "writev", SetLastError = true)]
    public static partial nint Write(int file, Piece* pieces, int count);

    [LibraryImport(Library, EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int socket, byte* into, nint bytes, int flags);

    [LibraryImport(Library, EntryPoint = "poll")]
    public static partial int Poll(Interest* interests, nuint count, int milliseconds);

    [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Stat(int folder, string path, int flags, uint mask, FileStatus* status);

    [LibraryImport(Library, EntryPoint = "geteuid")]
    public static partial uint User();

    /// <summary>What the kernel knows of a file, as far as it matters here.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct FileStatus
    {
        [FieldOffset(16)]
        public uint Names;

        [FieldOffset(20)]
        public uint Owner;

        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(40)]
        public long Size;
    }

    /// <summary>What to wait for on a socket.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Interest
    {
        public int Socket;
        public short Events;
        public short Happened;
    }
}

/// <summary>A stretch of memory outside the managed heap.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe record struct Piece(nint Start, nint Bytes)
{
    public Piece(void* start, nint bytes) : this((nint)start, bytes)
    {
    }
}
