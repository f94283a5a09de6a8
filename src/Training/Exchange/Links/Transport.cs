namespace Granary.Training.Exchange.Links;

/// <summary>How bytes travel between two processes.</summary>
public enum Transport
{
    /// <summary>The fastest that works: shared memory or else a Unix socket between processes of one machine, TCP between machines.</summary>
    Auto,

    /// <summary>TCP everywhere.</summary>
    Tcp,

    /// <summary>Unix sockets between processes of one machine; a round fails where they do not work.</summary>
    Unix,

    /// <summary>Shared memory between processes of one machine; a round fails where it does not work.</summary>
    SharedMemory,
}
