namespace Granary.Training.Checkpoints;

/// <summary>What a disk does to those who write: full, read-only, gone. Training goes on without what could not be written.</summary>
public static class StorageFault
{
    public static bool IsStorageFault(this Exception error) => error is IOException or UnauthorizedAccessException;
}
