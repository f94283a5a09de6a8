using CsCheck;
using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Grains.Slots;
using Granary.Training.Loop;
using Granary.Training.Runs;

namespace Granary.Grains.Tests;

/// <summary>What the planner and the fence promise together, whatever happens to the workers.</summary>
public sealed class RoundRulesTests
{
    private static readonly Gen<Position> Positions = Gen.Select(Gen.Long[0, 3], Gen.Int[0, 1], (step, phase) => new Position(step, phase));

    [Fact]
    public void Start_OfAnyWorkers_IsWhereTheFurthestStandsAndTheOthersComeThere() =>
        Gen.Select(Gen.Select(Gen.Bool, Positions).Array[1, 6], Gen.Long[0, 4]).Sample((workers, checkpoint) =>
        {
            var positions = workers.Select(worker => worker.Item1 ? worker.Item2 : (Position?)null).ToList();
            var start = RoundPlanner.Start(positions, checkpoint);
            var at = new Position(start.Step, start.Phase);
            Assert.All(positions, position => Assert.True(position is null || at.CompareTo(position.Value) >= 0));
            Assert.True(at.CompareTo(new(checkpoint)) >= 0);
            Assert.Equal(Enumerable.Range(0, positions.Count).Where(worker => positions[worker] != at), start.Behind);
            Assert.True(start.Source is { } source
                ? positions[source] == at
                : at == new Position(checkpoint) || at == new Position(0), $"nobody has {at}, and no checkpoint is of it");
        });

    [Fact]
    public void Plan_OnAnySlots_GivesEveryShardOneOwner() => Gen.Select(Gen.Int[1, 9], Gen.Int[1, 9]).Sample((shards, slots) =>
    {
        var plan = RoundPlanner.Plan(Spec(shards), 1, default, [.. SlotQueueTests.Node("silo-0", slots)]);
        Assert.Equal(Enumerable.Range(0, shards), plan.Workers.SelectMany(worker => Enumerable.Range(worker.ShardStart, worker.ShardEnd - worker.ShardStart)));
        Assert.All(plan.Workers, worker => Assert.True(worker.ShardEnd > worker.ShardStart));
        Assert.Equal(Math.Min(shards, slots), plan.Workers.Select(worker => worker.Slot.Key).Distinct().Count());
    });

    [Fact]
    public void Fence_HearingOfRoundsInAnyOrder_LetsOnlyNewerOnesIn() =>
        Gen.Select(Gen.Bool, Gen.Bool, Gen.Long[1, 6]).Array[1, 20].Sample(messages =>
        {
            var (fence, heard) = (new RoundFence(), new Dictionary<string, long>());
            foreach (var (first, enters, round) in messages)
            {
                var (run, before) = (first ? "a" : "b", fence.Current);
                var newest = heard.GetValueOrDefault(run);
                if (enters)
                {
                    Assert.Equal(round > newest, fence.TryEnter(run, round));
                    Assert.Equal(round > newest ? (run, round) : before, fence.Current);
                }
                else
                {
                    var leaves = before is { } current && current.RunId == run && round >= current.Round;
                    Assert.Equal(leaves, fence.TryLeave(run, round));
                    Assert.Equal(leaves ? null : before, fence.Current);
                }
                heard[run] = Math.Max(newest, round);
                Assert.Equal(heard[run], fence.Newest(run));
                Assert.True(fence.Current is not { } now || fence.IsCurrent(now.RunId, now.Round));
            }
        });

    [Fact]
    public void Rounds_OverAnyJoinsLossesAndLateMessages_GoOnFromTheFurthestAndOnlyGrow() =>
        Gen.Select(Gen.Int[1, 6], Gen.Select(Gen.Int[0, 3], Gen.Int[0, 99], Gen.Int[0, 63]).Array[1, 40]).Sample((shards, events) =>
        {
            var run = new RunModel(shards);
            foreach (var (kind, which, subset) in events)
            {
                run.Happen(kind, which, subset);
            }
        });

    private static RunSpec Spec(int shards) => new() { RunId = "run", Task = "task", Output = "", Shards = shards };

    private sealed class Worker(SlotInfo slot)
    {
        public SlotInfo Slot { get; } = slot;

        public RoundFence Fence { get; } = new();

        public Position? Position { get; set; } = new(0);
    }

    /// <summary>Rounds one after the other over workers that come and go.</summary>
    private sealed class RunModel(int shards)
    {
        private readonly List<Worker> workers = [new(Slot(0))];
        private int joined = 1;
        private long round;

        private static SlotInfo Slot(int number) => SlotQueueTests.Node($"silo-{number}", 1).Single();

        public void Happen(int kind, int which, int subset)
        {
            switch (kind)
            {
                case 0:
                    workers.Add(new(Slot(joined++)));
                    break;
                case 1 when workers.Count > 1:
                    workers.RemoveAt(which % workers.Count);
                    break;
                case 2:
                    HearLate(workers[which % workers.Count], subset);
                    break;
                default:
                    TrainRound(steps: which % 3, subset);
                    break;
            }
        }

        private void HearLate(Worker worker, int age)
        {
            var (before, late) = (worker.Fence.Current, Math.Max(worker.Fence.Newest("run") - age, 0));
            Assert.False(worker.Fence.TryEnter("run", late));
            Assert.False(late < worker.Fence.Newest("run") && worker.Fence.TryLeave("run", late));
            Assert.Equal(before, worker.Fence.Current);
        }

        private void TrainRound(int steps, int subset)
        {
            var plan = RoundPlanner.Plan(Spec(shards), ++round, default, [.. workers.Select(worker => worker.Slot)]);
            Assert.Equal(Enumerable.Range(0, shards), plan.Workers.SelectMany(one => Enumerable.Range(one.ShardStart, one.ShardEnd - one.ShardStart)));
            var members = plan.Workers.Select(one => workers.Single(worker => worker.Slot == one.Slot)).ToList();
            Assert.All(members, member => Assert.True(member.Fence.TryEnter("run", round)));
            var start = RoundPlanner.Start([.. members.Select(member => member.Position)], 0);
            var at = new Position(start.Step, start.Phase);
            Assert.Equal(members.Max(member => member.Position) ?? new(0), at);
            var reached = new Position(at.Step + steps, steps == 0 ? at.Phase : 0);

            // The round breaks off while some have applied one phase more, and some have lost their state over it.
            for (var member = 0; member < members.Count; member++)
            {
                members[member].Position = (subset >> member & 3) switch { 0 => null, 1 => Next(reached), _ => reached };
            }
        }

        private static Position Next(Position position) => position.Phase == 0 ? position with { Phase = 1 } : new(position.Step + 1);
    }
}
