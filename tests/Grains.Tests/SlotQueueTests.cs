using CsCheck;
using Granary.Contracts;
using Granary.Grains.Cluster;

namespace Granary.Grains.Tests;

public sealed class SlotQueueTests
{
    private static readonly List<SlotInfo> FourSlots = [.. Node("silo-0", 2), .. Node("silo-1", 2)];

    [Fact]
    public void Run_ThatWaits_SaysWhatFor()
    {
        SlotClaim[] runs = [Run("a", 1, 3), Run("b", 2, 1), Run("c", 3, 5), Run("d", 4, 3, held: ["silo-0/0", "silo-0/1", "silo-1/0"])];
        Assert.Equal("Waits for 3 free slots: 1 is free.", SlotQueue.Grant(runs, FourSlots, "a").Reason);
        Assert.Equal("Waits behind run 'a'.", SlotQueue.Grant(runs, FourSlots, "b").Reason);
        Assert.Equal("Waits for 5 slots: the cluster has 4.", SlotQueue.Grant(runs, FourSlots, "c").Reason);
        Assert.Equal("Has 3 of 3 slots.", SlotQueue.Grant(runs, FourSlots, "d").Reason);
    }

    [Fact]
    public void Run_TooBigForTheCluster_HoldsUpNobody() =>
        Assert.Equal("Has 2 of 2 slots.", SlotQueue.Grant([Run("a", 1, 5), Run("b", 2, 2)], FourSlots, "b").Reason);

    [Fact]
    public void Run_WhoseVersionNoNodeHas_HoldsUpNobody() =>
        Assert.Equal("Has 2 of 2 slots.", SlotQueue.Grant([Run("a", 1, 1) with { CanBeServed = false }, Run("b", 2, 2)], FourSlots, "b").Reason);

    [Fact]
    public void Run_OfHigherPriority_GoesFirst()
    {
        SlotClaim[] runs = [Run("a", 1, 2), Run("b", 2, 2) with { Priority = 1 }];
        Assert.Equal("Waits behind run 'b'.", SlotQueue.Grant(runs, FourSlots, "a").Reason);
        Assert.Equal(["silo-0/0", "silo-1/0"], Keys(SlotQueue.Grant(runs, FourSlots, "b")));
    }

    [Fact]
    public void Run_ThatHasStarted_GrowsOnlyIntoWhatNobodyWaitsFor()
    {
        var growing = Run("a", 1, 2, held: ["silo-0/1"]) with { Started = true, Wanted = 4 };
        Assert.Equal(["silo-0/1"], Keys(SlotQueue.Grant([growing, Run("b", 2, 4)], FourSlots, "a")));
        Assert.Equal(["silo-0/0", "silo-0/1"], Keys(SlotQueue.Grant([growing, Run("b", 2, 2)], FourSlots, "a")));
        Assert.Equal(4, SlotQueue.Grant([growing], FourSlots, "a").Slots.Count);
    }

    [Fact]
    public void Run_WantingFewerSlots_KeepsTheFirstInSpreadOrder() =>
        Assert.Equal(["silo-0/0", "silo-1/0"], Keys(SlotQueue.Grant([Run("a", 1, 2, held: ["silo-0/0", "silo-0/1", "silo-1/0"])], FourSlots, "a")));

    [Fact]
    public void Run_WhoseNodeIsDraining_MovesToFreeSlots()
    {
        List<SlotInfo> draining = [.. Node("silo-0", 2).Select(slot => slot with { Node = slot.Node with { Draining = true } }), .. Node("silo-1", 2)];
        Assert.Equal(["silo-1/0"], Keys(SlotQueue.Grant([Run("a", 1, 1, held: ["silo-0/0"]) with { Started = true }], draining, "a")));
    }

    // A node with a GPU and the processor. word2vec, which takes any slot, leaves the GPU alone, holds up nobody, and waits for nobody's.
    [Fact]
    public void Runs_OfDifferentDevices_DoNotStandInOneLine()
    {
        List<SlotInfo> mixed = [.. Node("silo-0", 2).Select(slot => slot with { Node = slot.Node with { Devices = ["cuda:0", "cpu"] } })];
        SlotClaim any = Run("any", 1, 1) with { Device = "any" }, gpu = Run("gpu", 2, 1) with { Device = "cuda" }, twoGpus = Run("two", 0, 2) with { Device = "cuda" };
        Assert.Equal(["silo-0/1"], Keys(SlotQueue.Grant([any], mixed, "any")));
        Assert.Equal(["silo-0/0"], Keys(SlotQueue.Grant([any with { Held = ["silo-0/1"], Started = true }, gpu], mixed, "gpu")));
        Assert.Equal(["silo-0/1"], Keys(SlotQueue.Grant([twoGpus, any], mixed, "any")));
        Assert.Equal("Waits for 2 cuda slots: the cluster has 1.", SlotQueue.Grant([twoGpus, any], mixed, "two").Reason);
        Assert.Equal(["silo-0/0"], Keys(SlotQueue.Grant([any with { Held = ["silo-0/1"] }, Run("more", 3, 1) with { Device = "any" }], mixed, "more")));
        Assert.Equal("Waits for 2 cpu slots: the cluster has 1.", SlotQueue.Grant([Run("cpu", 1, 2) with { Device = "cpu" }], mixed, "cpu").Reason);
    }

    [Fact]
    public void Runs_InAnyOrderOfEvents_ShareNoSlotKeepTheirsAndAreAllServedInTheEnd() =>
        Gen.Select(Gen.Int[1, 3].Array[1, 4], Gen.Select(Gen.Int[0, 5], Gen.Int[0, 99], Gen.Int[1, 6]).Array[1, 40]).Sample((nodes, events) =>
        {
            var cluster = new QueueModel(nodes);
            foreach (var (kind, which, value) in events)
            {
                cluster.Happen(kind, which, value);
            }
            cluster.ServeAll();
        });

    internal static IEnumerable<SlotInfo> Node(string name, int slots) =>
        Enumerable.Range(0, slots).Select(index => new SlotInfo(new(name, name, default, "", 0, slots), index));

    private static SlotClaim Run(string id, long arrival, int slots, List<string>? held = null) => new(id, arrival, 0, slots, slots, held ?? [], Started: false);

    private static IEnumerable<string> Keys(SlotGrant grant) => grant.Slots.Select(slot => slot.Key);

    /// <summary>A cluster that gives out its slots by the rule, and checks every grant.</summary>
    private sealed class QueueModel(int[] slots)
    {
        private readonly List<SlotClaim> runs = [];
        private readonly bool[] down = new bool[slots.Length];
        private readonly bool[] draining = new bool[slots.Length];
        private long arrivals;

        private List<SlotInfo> Alive =>
        [
            .. slots.SelectMany((count, node) => down[node] ? [] : Node($"silo-{node}", count).Select(slot => slot with { Node = slot.Node with { Draining = draining[node] } })),
        ];

        private List<string> Usable => [.. Alive.Where(slot => !slot.Node.Draining).Select(slot => slot.Key)];

        public void Happen(int kind, int which, int value)
        {
            var node = which % slots.Length;
            var run = runs.Count == 0 ? null : runs[which % runs.Count];
            switch (kind)
            {
                case 0:
                    runs.Add(new($"run-{arrivals}", arrivals++, which % 2, 1 + which % value, value, [], Started: false));
                    break;
                case 1:
                    down[node] = !down[node];
                    break;
                case 2:
                    draining[node] = !draining[node];
                    break;
                case 3 when run is not null:
                    Change(run, run with { Wanted = value });
                    break;
                case 4 when run is { Held.Count: > 0 }:
                    runs.Remove(run);
                    break;
                case 5 when run is not null:
                    Ask(run);
                    break;
            }
        }

        /// <summary>With all nodes back, and runs that end once they had slots, each has its turn.</summary>
        public void ServeAll()
        {
            Array.Clear(down);
            Array.Clear(draining);
            runs.RemoveAll(run => run.Needed > slots.Sum());
            for (var turn = runs.Count; runs.Count > 0; turn--)
            {
                Assert.True(turn > 0, $"Never served: {string.Join(", ", runs)}");
                foreach (var run in runs.ToList())
                {
                    Ask(run);
                }
                runs.RemoveAll(run => run.Held.Count > 0);
            }
        }

        private void Ask(SlotClaim run)
        {
            var usable = Usable;
            var grant = SlotQueue.Grant(runs, Alive, run.RunId);
            var given = Keys(grant).ToList();
            var kept = run.Held.Intersect(usable).ToList();
            Assert.NotEmpty(grant.Reason);
            Assert.Equal(given.Distinct(), given);
            Assert.Empty(given.Except(usable));
            Assert.Empty(given.Intersect(runs.Where(other => other != run).SelectMany(other => other.Held)));
            Assert.True(given.Count == 0 || (given.Count >= run.Needed && given.Count <= run.Wanted), $"{given.Count} slots for {run}");
            if (Math.Min(kept.Count, run.Wanted) >= run.Needed)
            {
                Assert.Equal(Math.Min(kept.Count, run.Wanted), given.Intersect(kept).Count());
                var waits = runs.Where(other => other != run && Waits(other, usable)).ToList();
                var free = usable.Except(runs.SelectMany(other => other.Held)).Count();
                Assert.True(given.Count <= kept.Count || free - (given.Count - kept.Count) >= waits.Sum(other => other.Wanted), "grew into slots that others wait for");
            }
            else if (given.Count > 0)
            {
                Assert.DoesNotContain(runs, other => Waits(other, usable) && (other.Priority > run.Priority || (other.Priority == run.Priority && other.Arrival < run.Arrival)));
            }
            Change(run, run with { Held = given, Started = run.Started || given.Count > 0 });
        }

        private static bool Waits(SlotClaim run, List<string> usable) =>
            run.Needed <= usable.Count && run.Held.Intersect(usable).Count() < run.Needed;

        private void Change(SlotClaim before, SlotClaim after) => runs[runs.IndexOf(before)] = after;
    }
}
