using Granary.Training.Exchange;
using Granary.Training.Frames;
using Granary.Training.Loop;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

public class TrainingLoopTests
{
    private const int WarmUps = 50, Blocks = 5, Steps = 200;

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public void Step_OnceWarm_AllocatesNextToNothing(int workers, bool rows)
    {
        const int Shards = 5;
        var ranges = ShardRange.Split(Shards, workers);
        using var group = new ProcessGroup(ranges, Shards);
        var bytes = new long[workers];
        var threads = ranges.Select((range, worker) => new Thread(() =>
        {
            using var replica = new QuietReplica(rows);
            using var loop = new TrainingLoop(replica, range, Shards);
            var meter = new Meter();
            loop.Run(new(0), group.Exchanges[worker], meter, new());
            bytes[worker] = meter.Bytes;
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.All(bytes, allocated => Assert.InRange(allocated / Steps, 0, 100));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Workers_ThatStop_CompareTheirStatesBeforeOneOfThemLeaves(bool checkpoint)
    {
        const int StopsAt = 3;
        var ranges = ShardRange.Split(2, 2);
        using var group = new ProcessGroup(ranges, 2);
        var failures = new Exception?[2];
        var threads = ranges.Select((range, worker) => new Thread(() => failures[worker] = Record.Exception(() =>
        {
            using var replica = new QuietReplica(rows: false);
            using var loop = new TrainingLoop(replica, range, 2);
            replica.State.Scalars["altered"] = worker;
            var stop = new StopSignal();
            loop.Run(new(0), group.Exchanges[worker], new StopAt(StopsAt, stop, checkpoint), stop);
        }))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.All(failures, failure => Assert.Equal(StopsAt + 1, Assert.IsType<StatesDifferException>(failure).Step));
    }

    [Fact]
    public void Release_OfTheFirstWorker_WaitsForAllWhoReadItsFrame()
    {
        var ranges = ShardRange.Split(2, 2);
        using var group = new ProcessGroup(ranges, 2);
        using Frame left = Frame.Allocate(8, 0), right = Frame.Allocate(8, 0);
        left.Values.Fill(1);
        right.Values.Fill(2);
        using var released = new ManualResetEventSlim();
        var first = new Thread(() =>
        {
            group.Exchanges[0].Sum([new(ranges[0], left)], 0, 0);
            group.Exchanges[0].Release();
            // Its own again.
            left.Values.Fill(9);
            released.Set();
        });
        first.Start();
        var sum = group.Exchanges[1].Sum([new(ranges[1], right)], 0, 0);
        Assert.False(released.Wait(TimeSpan.FromMilliseconds(100)));
        Assert.Equal(3, sum.Values[0]);
        group.Exchanges[1].Abort("The round breaks off while the sum is read.");
        Assert.False(released.IsSet);
        Assert.Equal(3, sum.Values[7]);
        group.Exchanges[1].Release();
        first.Join();
        Assert.True(released.IsSet);
    }

    private sealed class StopAt(long step, StopSignal stop, bool checkpoint) : IStepObserver
    {
        public void StepCommitted(long committed, Metrics metrics, StepTimes times)
        {
            if (committed == step)
            {
                stop.Raise(checkpoint);
            }
        }
    }

    /// <summary>Of some blocks of steps, what the most frugal has allocated: on a busy machine code may be compiled for good only after some.</summary>
    private sealed class Meter : IStepObserver
    {
        private long begun;

        public long Bytes { get; private set; } = long.MaxValue;

        public void StepCommitted(long step, Metrics metrics, StepTimes times)
        {
            if (step > WarmUps && (step - WarmUps) % Steps == 0)
            {
                Bytes = Math.Min(Bytes, GC.GetAllocatedBytesForCurrentThread() - begun);
            }
            if ((step - WarmUps) % Steps == 0)
            {
                begun = GC.GetAllocatedBytesForCurrentThread();
            }
        }
    }

    /// <summary>Allocates nothing itself.</summary>
    private sealed class QuietReplica(bool rows) : ITrainingReplica
    {
        private static readonly int[] touched = [2, 3, 5, 8, 13];

        public IReadOnlyList<string> Phases { get; } = ["train"];

        public long StepsPerEpoch => TotalSteps;

        public long TotalSteps => WarmUps + Blocks * Steps;

        public string Unit => "samples";

        public Measure Measure { get; } = new(Metrics.Loss, LowerIsBetter: true);

        public ReplicaState State { get; } = new([]);

        public Frame CreateFrame(int phase) => Frame.Allocate(1000, 1, rows ? new SparseRows(4) : null);

        public void ComputeGradients(Coordinates at, Frame frame)
        {
            frame.Clear();
            frame.Scalars[0] = 1;
            frame.Rows?.Reset(touched);
            frame.Rows?.Values.Fill(at.Shard);
        }

        public void Apply(int phase, long step, Frame sum, Metrics metrics)
        {
            metrics[Metrics.Loss] = sum.Values[0];
            metrics[Metrics.Samples] = sum.Scalars[0];
        }

        public void Dispose()
        {
        }
    }
}
