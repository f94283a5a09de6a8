using Granary.Grains.Slots;

namespace Granary.Grains.Tests.Simulation;

/// <summary>What keeps a worker from obeying an older round.</summary>
internal interface IFence
{
    bool TryEnter(long round);

    bool IsCurrent(long round);

    bool TryLeave(long round);
}

/// <summary>The one that slots have.</summary>
internal sealed class RealFence : IFence
{
    private readonly RoundFence fence = new();

    public bool TryEnter(long round) => fence.TryEnter("run", round);

    public bool IsCurrent(long round) => fence.IsCurrent("run", round);

    public bool TryLeave(long round) => fence.TryLeave("run", round);
}

/// <summary>A fence with holes.</summary>
internal sealed class BrokenFence(bool entersAny, bool obeysAny, bool leavesAny) : IFence
{
    private readonly RealFence fence = new();

    public bool TryEnter(long round) => fence.TryEnter(round) || entersAny;

    public bool IsCurrent(long round) => fence.IsCurrent(round) || obeysAny;

    public bool TryLeave(long round) => fence.TryLeave(round) || leavesAny;
}
