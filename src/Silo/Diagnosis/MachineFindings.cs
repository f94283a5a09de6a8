using System.Globalization;
using System.Runtime.InteropServices;
using Granary.Training;
using Granary.Training.Exchange.Links;
using Granary.Training.Tasks;

namespace Granary.Silo.Diagnosis;

/// <summary>The processor, the memory, and what the system lets a process have.</summary>
internal static class MachineFindings
{
    /// <summary>More on one machine are rare.</summary>
    private const int Processes = 8;

    public static IEnumerable<Finding> All()
    {
        yield return new("program", string.Join(", ", [.. GranaryEnvironment.Versions.Select(version => $"{version.Key} {version.Value}"), RuntimeInformation.FrameworkDescription, RuntimeInformation.OSDescription]));
        yield return new("processor", Processor.Summary);
        yield return new("memory", $"{Size(MemoryLimit.OfProcess)} for this process");
        yield return OpenFilesOf(OpenFiles.Limit);
        if (OperatingSystem.IsLinux())
        {
            yield return SharedMemoryOf(Directory.Exists(SharedMemoryRoom.Folder) ? new DriveInfo(SharedMemoryRoom.Folder) is var drive ? (drive.TotalSize, drive.AvailableFreeSpace) : null : null);
        }
    }

    internal static Finding OpenFilesOf(long? limit) => limit switch
    {
        null => new("open files", "no limit"),
        < OpenFiles.Needed => Finding.Break("open files", $"{limit}, and a silo needs {OpenFiles.Needed}", OpenFiles.Cure),
        _ => new("open files", $"{limit} for this process"),
    };

    /// <param name="room">Bytes. <see langword="null"/>: there is no shared memory.</param>
    internal static Finding SharedMemoryOf((long Size, long Free)? room)
    {
        const string Subject = "shared memory";
        var wanted = Processes * (Processes - 1) / 2 * (long)SharedMemoryRoom.BytesOfPair;
        if (room is not { } there)
        {
            return Finding.Warn(Subject, $"there is no {SharedMemoryRoom.Folder}: processes of this machine exchange over sockets, which is slower", $"Mount it: mount -t tmpfs tmpfs {SharedMemoryRoom.Folder}");
        }
        var fact = $"{SharedMemoryRoom.Folder} has {Size(there.Size)}, {Size(there.Free)} free";
        return there.Free >= wanted
            ? new(Subject, fact)
            : Finding.Warn(Subject, $"{fact}; {Processes} processes of a run want {Size(wanted)}, or exchange over sockets, which is slower", "Free some, or give more: docker run --shm-size=1g; in Kubernetes an emptyDir of medium Memory there.");
    }

    internal static string Size(long bytes) => bytes >= 10L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes >> 30:N0} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20:N0} MiB");
}
