using System.IO.MemoryMappedFiles;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// Memory that two processes see: a file in /dev/shm that one makes and the other opens. From then on it has no name, so that
/// it is gone when both have ended. Each side has a ring of blocks, and counters on cache lines of their own, that it alone
/// writes.
/// </summary>
internal sealed unsafe class SharedSegment : IDisposable
{
    /// <summary>Blocks on the way in one direction; a power of two, as their numbers wrap around.</summary>
    public const int Blocks = 8;

    /// <summary>Where shared memory lives.</summary>
    public const string Folder = "/dev/shm";

    /// <summary>Bytes of a segment.</summary>
    public const int Size = Header + 2 * Blocks * PeerLink.MostBytes;

    private const int Line = 64, LinesOfSide = 8, Header = 4096;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;

    private readonly string path;

    private SharedSegment(FileStream file, string path)
    {
        this.path = path;
        using var mapping = MemoryMappedFile.CreateFromFile(file, null, Size, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        view = mapping.CreateViewAccessor(0, Size);
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
    }

    /// <summary>What the other process is told.</summary>
    public string Name => Path.GetFileName(path);

    /// <exception cref="IOException">There is no such folder, or no room in it.</exception>
    public static SharedSegment Create(string folder)
    {
        var path = MeetingFile.PathOf(folder, MeetingFile.NewName());
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        FileStream? file = null;
        try
        {
            file = new(path, options);
            // Written, not just lengthened: lack of room is told now, and not by a signal when the memory is first touched.
            file.Write(new byte[Size]);
            return new(file, path);
        }
        catch
        {
            // A file without a name keeps its memory as long as it is open.
            file?.Dispose();
            File.Delete(path);
            throw;
        }
    }

    /// <exception cref="IOException">It is not there, as the other process has another file system, or is no segment of this user's.</exception>
    public static SharedSegment Open(string folder, string name)
    {
        var path = MeetingFile.PathOf(folder, name);
        return new(new FileStream(MeetingFile.Open(path, Size), FileAccess.ReadWrite, bufferSize: 0), path);
    }

    /// <summary>How many blocks a side has put into its ring.</summary>
    public ref int Sent(int side) => ref Counter(side, 0);

    /// <summary>How many of the other's blocks a side is done with.</summary>
    public ref int Taken(int side) => ref Counter(side, 1);

    /// <summary>Not 0: the side sleeps, and wants a byte on its socket when something happens.</summary>
    public ref int Asleep(int side) => ref Counter(side, 2);

    /// <summary>Not 0: the side has left.</summary>
    public ref int Left(int side) => ref Counter(side, 3);

    /// <summary>The place of a side's block of that number.</summary>
    public byte* Block(int side, int number) => start + Header + (side * Blocks + (int)((uint)number % Blocks)) * PeerLink.MostBytes;

    /// <summary>Takes the name away; the memory stays for those that have it open.</summary>
    public void Unlink() => File.Delete(path);

    public void Dispose()
    {
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
    }

    private ref int Counter(int side, int index) => ref *(int*)(start + (side * LinesOfSide + index) * Line);
}
