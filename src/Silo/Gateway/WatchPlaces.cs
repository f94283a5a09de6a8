using Granary.Grains.Nodes;

namespace Granary.Silo.Gateway;

/// <summary>Who watches runs at this moment.</summary>
internal sealed class WatchPlaces(TrainingEnvironment environment)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, int> taken = [];

    /// <summary>How many do.</summary>
    public int Taken
    {
        get
        {
            lock (gate)
            {
                return taken.Values.Sum();
            }
        }
    }

    /// <summary>A place for one more, until it is disposed of.</summary>
    /// <exception cref="Contracts.LimitException">All are taken, or all that one caller may have.</exception>
    public IDisposable Take(string caller)
    {
        var limits = environment.Limits;
        lock (gate)
        {
            if (taken.Values.Sum() >= limits.Watches)
            {
                throw LimitOptions.Reached(nameof(limits.Watches), limits.Watches, "clients watch runs", "Try again later, or ask now and then (granary list).");
            }
            var others = taken.GetValueOrDefault(caller);
            if (others >= limits.WatchesOfOne)
            {
                throw LimitOptions.Reached(nameof(limits.WatchesOfOne), limits.WatchesOfOne, "runs are watched by one client", "End one of these watches.");
            }
            taken[caller] = others + 1;
        }
        return new Place(this, caller);
    }

    private void Leave(string caller)
    {
        lock (gate)
        {
            if (--taken[caller] == 0)
            {
                taken.Remove(caller);
            }
        }
    }

    private sealed class Place(WatchPlaces places, string caller) : IDisposable
    {
        public void Dispose() => places.Leave(caller);
    }
}
