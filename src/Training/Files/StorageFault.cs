namespace Granary.Training.Files;

/// <summary>What a disk does to those who write: full, read-only, gone. Training goes on without what could not be written.</summary>
public static class StorageFault
{
    // ENOSPC, EDQUOT (Linux), ERROR_DISK_FULL (Windows).
    private static readonly int[] Full = [28, 122, unchecked((int)0x80070070)];

    /// <summary>Whether an error comes from the file system: a file that is not there, may not be read, or cannot be.</summary>
    public static bool IsStorageFault(this Exception error) => error is IOException or UnauthorizedAccessException;

    /// <summary>Whether room would mend it.</summary>
    public static bool IsDiskFull(this Exception error) => error is IOException && Full.Contains(error.HResult);
}
