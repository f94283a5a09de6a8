using Granary.Training.Randomness;

namespace Granary.Chaos;

/// <summary>Which faults strike a run, and when. The same numbers make the same plan, everywhere.</summary>
public sealed record FaultPlan(ulong Seed, IReadOnlyList<Fault> Faults)
{
    /// <summary>Steps without faults at the start, for the run to be under way, and at the end, for it to get over the last one.</summary>
    public const int FreeSteps = 2;

    // One fault in this many brings a second one, if it can.
    private const int SecondEvery = 3;

    // A silo that is mute for longer than this is declared dead.
    private static readonly TimeSpan Deadly = TimeSpan.FromSeconds(5);

    /// <summary>The most faults that a run of so many steps has room for: one every second step.</summary>
    public static long MostFaults(long totalSteps) => Math.Max(0, (totalSteps - (2 * FreeSteps)) / 2);

    /// <param name="kinds">Each as often as the others, give or take one; <see cref="FaultKind.DiskFullAtEnd"/> at most once.</param>
    /// <param name="totalSteps">The faults are spread over these, in rising order.</param>
    /// <param name="phasesAt">Phases that take place in a step.</param>
    /// <param name="checkpointEvery">Steps between checkpoints, for the kills that strike one; 0: nobody knows when they are written.</param>
    /// <param name="overlap">Whether faults may bring second ones, if silos are to be killed at all.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no faults or kinds to plan, or more faults than the steps or kinds have room for.</exception>
    public static FaultPlan Create(ulong seed, int count, IReadOnlyCollection<FaultKind> kinds, long totalSteps, Func<long, IReadOnlyList<int>> phasesAt, long checkpointEvery = 0, bool overlap = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(kinds.Count, 1, nameof(kinds));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, kinds.All(kind => kind == FaultKind.DiskFullAtEnd) ? 1 : MostFaults(totalSteps));
        var random = new StepRandom(seed);
        var deck = Deck(ref random, count, [.. kinds.Distinct().Order()]);
        var killers = kinds.Where(kind => overlap && kind is FaultKind.Kill or FaultKind.Coordinator).Distinct().Order().ToList();
        var room = totalSteps - (2 * FreeSteps);
        var faults = new List<Fault>();
        var (first, firstSecond) = (random.Next(4), random.Next(SecondEvery));
        for (var i = 0; i < count; i++)
        {
            // One place in each of so many equal stretches, never a stretch's last step: between two faults a step is committed.
            var (start, end) = (FreeSteps + (room * i / count), FreeSteps + (room * (i + 1) / count) - 1);
            var kind = deck[i];
            var step = kind == FaultKind.DiskFullAtEnd ? totalSteps - 1 : start + random.Next((int)(end - start));
            var (duration, otherWay) = Manner(kind, turn: first + faults.Count(fault => fault.Kind == kind));
            if (kind == FaultKind.Kill && otherWay)
            {
                // It strikes a step later than it is planned at.
                (step, otherWay) = BeforeCheckpoint(step, start, end - 1, checkpointEvery) is { } before ? (before, true) : (step, false);
            }
            var phases = phasesAt(step);
            var fault = new Fault(kind, step, phases[random.Next(phases.Count)], random.Next(1 << 16), duration, otherWay, kind == FaultKind.Flip ? random.NextULong() : 0);
            faults.Add(i % SecondEvery == firstSecond && killers.Count > 0 && TakesSecond(fault) ? fault with { Second = Second(ref random, killers, duration) } : fault);
        }
        return new(seed, faults);
    }

    /// <summary>The fewest steps from a flip to what comes next, the run's end at the latest; <see langword="null"/>: there are no flips.</summary>
    public long? LeastAfterFlip(long totalSteps) => Faults
        .Select((fault, i) => fault.Kind == FaultKind.Flip ? (i + 1 < Faults.Count ? Faults[i + 1].Step : totalSteps) - fault.Step : (long?)null)
        .Min();

    /// <summary>Rounds of all kinds, each round in an order of its own; what strikes at the end comes last, and once.</summary>
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
            deck.AddRange(kinds.Where(kind => deck.Count == 0 || kind != FaultKind.DiskFullAtEnd).ToList());
        }
        deck = deck[..count];
        if (deck.Remove(FaultKind.DiskFullAtEnd))
        {
            deck.Add(FaultKind.DiskFullAtEnd);
        }
        return deck;
    }

    /// <summary>Kinds that come in two lengths or ways take them in turn.</summary>
    private static (TimeSpan Duration, bool OtherWay) Manner(FaultKind kind, int turn) => kind switch
    {
        // The short ones are over before membership gives the silo up, after about three seconds; the long ones are not.
        FaultKind.Stop => (TimeSpan.FromSeconds(turn % 2 == 0 ? 1 : 8), false),
        FaultKind.Cut => (TimeSpan.FromSeconds(turn % 2 == 0 ? 2 : 10), turn % 4 >= 2),
        FaultKind.Slow => (TimeSpan.FromSeconds(4), false),
        FaultKind.Disk or FaultKind.Redis => (TimeSpan.FromSeconds(3), turn % 2 == 1),
        FaultKind.Kill => (TimeSpan.Zero, turn % 2 == 1),
        FaultKind.DiskFullAtEnd => (TimeSpan.FromSeconds(6), true),
        _ => (TimeSpan.Zero, false),
    };

    /// <summary>The step of the stretch [from, to) after which a checkpoint is due, the next one if possible.</summary>
    private static long? BeforeCheckpoint(long step, long from, long to, long every)
    {
        if (every == 0)
        {
            return null;
        }
        var due = step - (step % every) + every - 1;
        return due < to ? due : due - every >= from ? due - every : null;
    }

    /// <summary>Not those that strike a checkpoint, nor those that only the surviving silos can make good.</summary>
    private static bool TakesSecond(Fault fault) => !fault.StrikesCheckpoint && fault.Kind is not (FaultKind.RedisLost or FaultKind.DiskFullAtEnd);

    /// <summary>Soon: the run gets over most faults in a moment. Later where the cluster has to vote on a silo first.</summary>
    private static SecondFault Second(ref StepRandom random, List<FaultKind> killers, TimeSpan duration) => new(
        killers[random.Next(killers.Count)],
        random.Next(1 << 16),
        TimeSpan.FromMilliseconds((20 << random.Next(6)) * (duration > Deadly ? 4 : 1)));
}
