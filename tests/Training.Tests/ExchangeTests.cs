using System.Net;
using System.Net.Sockets;
using Granary.Tests.Fakes;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Loop;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

public class ExchangeTests
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(20);
    private static readonly TrainingSpec spec = new() { Task = "points", Shards = 7, Steps = 9 };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Workers_OfOneProcess_EndWithTheWeightsOfOneWorker(int workers)
    {
        using var group = new ProcessGroup(ShardRange.Split(spec.Shards, workers), spec.Shards);
        Assert.Equal([Alone()], Train(ShardRange.Split(spec.Shards, workers), group.Exchanges));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 1, 2)]
    [InlineData(1, 1, 1, 1, 1, 1, 1)]
    public async Task Workers_OfSeveralProcesses_EndWithTheWeightsOfOneWorker(params int[] workersByProcess)
    {
        var (groups, ranges) = await ConnectAsync(workersByProcess);
        Assert.Equal([Alone()], Train(ranges, [.. groups.SelectMany(group => group.Exchanges)]));
    }

    [Fact]
    public async Task Round_WhenAProcessIsLost_EndsForAllOthersAtAStepBoundaryOfTheirs()
    {
        var (groups, ranges) = await ConnectAsync([1, 2]);
        var exchanges = groups.SelectMany(group => group.Exchanges).ToArray();
        var ends = Run(ranges, exchanges, (worker, step) =>
        {
            if (worker == 0 && step == 4)
            {
                groups[0].Dispose();
            }
        });
        Assert.All(ends, end => Assert.IsType<ExchangeAbortedException>(end.Failure));
        Assert.All(ends, end => Assert.Equal(4, end.Step));
    }

    [Fact]
    public void Round_WhenOneWorkerWantsToStop_StopsForAllAtTheSameStep()
    {
        var ranges = ShardRange.Split(spec.Shards, 3);
        using var group = new ProcessGroup(ranges, spec.Shards);
        var stop = new StopSignal();
        var ends = Run(ranges, group.Exchanges, (worker, step) =>
        {
            if (worker == 1 && step == 5)
            {
                stop.Raise(checkpoint: false);
            }
        }, worker => worker == 1 ? stop : new());
        Assert.All(ends, end => Assert.Null(end.Failure));
        Assert.All(ends, end => Assert.Equal(6, end.Step));
    }

    [Fact]
    public async Task Listener_WhenAStrangerConnects_StillLetsTheRoundMeet()
    {
        using var listener = new PeerListener(IPAddress.Loopback, 0);
        using var other = new PeerListener(IPAddress.Loopback, 0);
        using var stranger = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await stranger.ConnectAsync(IPAddress.Loopback, listener.Port);
        await stranger.SendAsync(new byte[64]);
        var round = Guid.NewGuid();
        PeerAddress[] members = [new("127.0.0.1", listener.Port), new("127.0.0.1", other.Port)];
        using var timeout = new CancellationTokenSource(patience);
        var met = await Task.WhenAll(listener.MeetAsync(round, 0, members, timeout.Token), other.MeetAsync(round, 1, members, timeout.Token));
        Assert.Equal(1, met[0][1]!.Process);
        Assert.Equal(0, met[1][0]!.Process);
    }

    private static string Alone()
    {
        using var replica = new PointsTask().CreateReplica(spec);
        using var loop = new TrainingLoop(replica, new(0, spec.Shards), spec.Shards);
        loop.Run(new(0), new SoloExchange(), new StepProbe((_, _) => { }, 0), new());
        return WeightsHash.Of(replica.State);
    }

    private static IEnumerable<string> Train(IReadOnlyList<ShardRange> ranges, IReadOnlyList<IExchange> exchanges)
    {
        var ends = Run(ranges, exchanges, (_, _) => { });
        Assert.All(ends, end => Assert.Null(end.Failure));
        return ends.Select(end => end.Hash).Distinct();
    }

    /// <summary>One thread a worker, as slots have.</summary>
    private static End[] Run(IReadOnlyList<ShardRange> ranges, IReadOnlyList<IExchange> exchanges, Action<int, long> committed, Func<int, StopSignal>? stop = null)
    {
        var ends = new End[ranges.Count];
        var threads = ranges.Select((range, worker) => new Thread(() =>
        {
            using var replica = new PointsTask().CreateReplica(spec);
            using var loop = new TrainingLoop(replica, range, spec.Shards);
            var probe = new StepProbe(committed, worker);
            Exception? failure = null;
            try
            {
                loop.Run(new(0), exchanges[worker], probe, stop?.Invoke(worker) ?? new());
            }
            catch (ExchangeAbortedException aborted)
            {
                failure = aborted;
            }
            ends[worker] = new(WeightsHash.Of(replica.State), probe.Step, failure);
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return ends;
    }

    private static async Task<(ProcessGroup[] Groups, ShardRange[] Ranges)> ConnectAsync(int[] workersByProcess)
    {
        var ranges = ShardRange.Split(spec.Shards, workersByProcess.Sum());
        var byProcess = workersByProcess.Select((count, process) => ranges.Skip(workersByProcess.Take(process).Sum()).Take(count).ToArray()).ToArray();
        var listeners = workersByProcess.Select(_ => new PeerListener(IPAddress.Loopback, 0)).ToArray();
        var members = listeners.Select(listener => new PeerAddress("127.0.0.1", listener.Port)).ToArray();
        var round = Guid.NewGuid();
        using var timeout = new CancellationTokenSource(patience);
        var sockets = await Task.WhenAll(listeners.Select((listener, rank) => listener.MeetAsync(round, rank, members, timeout.Token)));
        foreach (var listener in listeners)
        {
            listener.Dispose();
        }
        var processRanges = byProcess.Select(own => new ShardRange(own[0].Start, own[^1].End)).ToArray();
        return ([.. byProcess.Select((own, rank) => new ProcessGroup(own, spec.Shards, new SocketMesh(rank, sockets[rank], processRanges, spec.Shards, patience)))], ranges);
    }

    private sealed record End(string Hash, long Step, Exception? Failure);

    private sealed class StepProbe(Action<int, long> committed, int worker) : IStepObserver
    {
        public long Step { get; private set; }

        public void StepCommitted(long step, Metrics metrics, StepTimes times)
        {
            Step = step;
            committed(worker, step);
        }
    }
}
