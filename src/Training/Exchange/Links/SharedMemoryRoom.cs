namespace Granary.Training.Exchange.Links;

/// <summary>What exchanges between processes of one machine want of its shared memory. Where there is less, they go over sockets.</summary>
public static class SharedMemoryRoom
{
    /// <summary>Where shared memory lives.</summary>
    public const string Folder = SharedSegment.Folder;

    /// <summary>Bytes that two processes of a run take.</summary>
    public static int BytesOfPair => SharedSegment.Size;
}
