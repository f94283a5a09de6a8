using System.Text.Json;

namespace Granary.Chaos;

/// <summary>What goes wrong.</summary>
public enum FaultKind
{
    /// <summary>A silo's process is ended by SIGKILL, in the middle of a step.</summary>
    Kill,

    /// <summary>A silo's process is stopped by SIGSTOP for a while.</summary>
    Stop,

    /// <summary>A silo is cut off the network for a while: from the others, from Redis, from its clients.</summary>
    Cut,

    /// <summary>A silo's process gets about a fifth of its time for a while.</summary>
    Slow,

    /// <summary>No checkpoint can be written for a while.</summary>
    Disk,

    /// <summary>As <see cref="Kill"/>, of the silo that hosts the run's coordinator.</summary>
    Coordinator,

    /// <summary>Redis does not answer for a while.</summary>
    Redis,

    /// <summary>Redis loses all that it holds: the cluster's members and the run's record.</summary>
    RedisLost,

    /// <summary>A bit of a replica's weights is flipped, and nobody is told.</summary>
    Flip,

    /// <summary>The last checkpoint, the run's result, finds no room for a while. Strikes once, at the last step, after all others.</summary>
    DiskFullAtEnd,
}

/// <summary>A silo's death that overlaps another fault: it strikes while that one is in force, or the run gets over it.</summary>
/// <param name="Kind"><see cref="FaultKind.Kill"/> or <see cref="FaultKind.Coordinator"/>.</param>
/// <param name="Victim">As that of a <see cref="Fault"/>, but never the same silo.</param>
/// <param name="After">The blow that it follows.</param>
public sealed record SecondFault(FaultKind Kind, int Victim, TimeSpan After);

/// <summary>One fault of a plan.</summary>
/// <param name="Step">It strikes when the run has computed this step's phase and not yet exchanged it.</param>
/// <param name="Victim">Which silo: this draw, modulo the number of silos that train then, in the order of their names.</param>
/// <param name="Duration">Until it is undone; zero for what is over at once.</param>
/// <param name="OtherWay">
/// Cut: only what the silo sends is lost, not what it gets. Disk: it is full instead of missing. Redis: it is restarted
/// instead of stopped. Kill: it strikes the silo that writes the checkpoint due after the step, as soon as that is being written.
/// </param>
/// <param name="Bit">Flip: which bit, modulo the number of bits of the weights.</param>
/// <param name="Second">What else strikes before the run has got over this.</param>
public sealed record Fault(FaultKind Kind, long Step, int Phase, int Victim, TimeSpan Duration, bool OtherWay, ulong Bit = 0, SecondFault? Second = null)
{
    /// <summary>As it is typed: <c>redis-lost</c>.</summary>
    public static string NameOf(FaultKind kind) => JsonNamingPolicy.KebabCaseLower.ConvertName(kind.ToString());

    /// <summary>Whether it strikes only while the checkpoint after its step is being written.</summary>
    public bool StrikesCheckpoint => Kind == FaultKind.Kill && OtherWay;

    /// <summary>Whether a silo is struck, and not what all share.</summary>
    public bool HitsASilo => Kind is not (FaultKind.Disk or FaultKind.Redis or FaultKind.RedisLost or FaultKind.DiskFullAtEnd);

    /// <summary>Whether the others must go on without the silo that is struck.</summary>
    public bool Disables => Kind is FaultKind.Kill or FaultKind.Coordinator or FaultKind.Stop or FaultKind.Cut;
}
