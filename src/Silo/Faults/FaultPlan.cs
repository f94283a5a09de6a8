using Granary.Training.Randomness;

namespace Granary.Silo.Faults;

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
}

/// <summary>One fault of a plan.</summary>
/// <param name="Step">It strikes when the run has computed this step's phase and not yet exchanged it.</param>
/// <param name="Victim">Which silo: this draw, modulo those that train then, by name.</param>
/// <param name="Duration">Until it is undone; zero for what is over at once.</param>
/// <param name="OtherWay">
/// Cut: only what the silo sends is lost, not what it gets. Disk: it is full instead of missing. Redis: it is restarted
/// instead of stopped.
/// </param>
public sealed record Fault(FaultKind Kind, long Step, int Phase, int Victim, TimeSpan Duration, bool OtherWay);

/// <summary>Which faults strike a run, and when. The same numbers make the same plan, everywhere.</summary>
public sealed record FaultPlan(ulong Seed, IReadOnlyList<Fault> Faults)
{
    /// <summary>Steps without faults at the start, for the run to be under way, and at the end, for it to get over the last one.</summary>
    public const int FreeSteps = 2;

    /// <summary>The most faults that a run of so many steps has room for: one every second step.</summary>
    public static long MostFaults(long totalSteps) => Math.Max(0, (totalSteps - (2 * FreeSteps)) / 2);

    /// <param name="kinds">Each as often as the others, give or take one.</param>
    /// <param name="totalSteps">The faults are spread over these, in rising order.</param>
    /// <param name="phases">Phases of a step.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no faults or kinds to plan, or more faults than the steps have room for.</exception>
    public static FaultPlan Create(ulong seed, int count, IReadOnlyCollection<FaultKind> kinds, long totalSteps, int phases)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(kinds.Count, 1, nameof(kinds));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MostFaults(totalSteps));
        var random = new StepRandom(seed);
        var deck = Deck(ref random, count, [.. kinds.Distinct().Order()]);
        var room = totalSteps - (2 * FreeSteps);
        var faults = new List<Fault>();
        var first = random.Next(4);
        for (var i = 0; i < count; i++)
        {
            // One place in each of so many equal stretches, never a stretch's last step: between two faults a step is committed.
            var (start, end) = (room * i / count, room * (i + 1) / count);
            var step = FreeSteps + start + random.Next((int)(end - start - 1));
            var (duration, otherWay) = Manner(deck[i], turn: first + faults.Count(fault => fault.Kind == deck[i]));
            faults.Add(new(deck[i], step, random.Next(phases), random.Next(1 << 16), duration, otherWay));
        }
        return new(seed, faults);
    }

    /// <summary>Rounds of all kinds, each round in an order of its own.</summary>
    private static List<FaultKind> Deck(ref StepRandom random, int count, FaultKind[] kinds)
    {
        var deck = new List<FaultKind>();
        while (deck.Count < count)
        {
            for (var i = kinds.Length - 1; i > 0; i--)
            {
                var j = random.Next(i + 1);
                (kinds[i], kinds[j]) = (kinds[j], kinds[i]);
            }
            deck.AddRange(kinds);
        }
        return deck[..count];
    }

    /// <summary>Kinds that come in two lengths or ways take them in turn.</summary>
    private static (TimeSpan Duration, bool OtherWay) Manner(FaultKind kind, int turn) => kind switch
    {
        // The short ones are over before membership gives the silo up, after about three seconds; the long ones are not.
        FaultKind.Stop => (TimeSpan.FromSeconds(turn % 2 == 0 ? 1 : 8), false),
        FaultKind.Cut => (TimeSpan.FromSeconds(turn % 2 == 0 ? 2 : 10), turn % 4 >= 2),
        FaultKind.Slow => (TimeSpan.FromSeconds(4), false),
        FaultKind.Disk or FaultKind.Redis => (TimeSpan.FromSeconds(3), turn % 2 == 1),
        _ => (TimeSpan.Zero, false),
    };
}
