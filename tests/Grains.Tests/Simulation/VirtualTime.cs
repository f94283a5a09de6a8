namespace Granary.Grains.Tests.Simulation;

/// <summary>What is due first happens first; a seed decides all that chance would.</summary>
internal sealed class VirtualTime(int seed)
{
    private readonly PriorityQueue<Action, (long Due, long Order)> events = new();
    private readonly Random random = new(seed);
    private long order;

    /// <summary>In milliseconds.</summary>
    public long Now { get; private set; }

    public int Any(int from, int to) => random.Next(from, to + 1);

    public bool Chance(double probability) => random.NextDouble() < probability;

    public void After(int milliseconds, Action happens) => events.Enqueue(happens, (Now + milliseconds, order++));

    public bool TryStep()
    {
        if (!events.TryDequeue(out var happens, out var at))
        {
            return false;
        }
        Now = at.Due;
        happens();
        return true;
    }
}
