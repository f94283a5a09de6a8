using System.Runtime.InteropServices;
using Granary.Torch;
using Granary.Torch.Devices;
using Granary.Torch.Devices.Nccl;
using Granary.Training.Shards;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Devices.Nccl;

/// <summary>The order of sums over a stand-in for NCCL, and what is said when something breaks.</summary>
public sealed partial class NcclTests(StandIn standIn) : IClassFixture<StandIn>
{
    private const int Length = 70_001;
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 4)]
    [InlineData(2, 5)]
    [InlineData(3, 8)]
    [InlineData(3, 13)]
    [InlineData(5, 5)]
    [InlineData(8, 13)]
    public void Sum_OnAnyNumberOfRanks_HasTheBitsOfTheCanonicalTree(int ranks, int shards)
    {
        var expected = Tree(new(0, shards), shards);
        var found = OnRanks(ranks, communicator =>
        {
            using var scope = NewDisposeScope();
            var device = new StagedDevice();
            var ranges = ShardRange.Split(shards, ranks);
            using var sum = new NcclSum(communicator, device, ranges, shards, Length);
            // Twice, as in two steps; the sum lands in a partial's own memory.
            float[] last = [];
            for (var step = 0; step < 2; step++)
            {
                List<Tensor> mine = [.. CanonicalTree.Cover(ranges[communicator.Rank], shards).Select(node => Padded(Tree(node, shards), ranks))];
                sum.Sum(mine, mine[0]);
                last = mine[0].narrow(0, 0, Length).Values<float>();
            }
            return last;
        });
        Assert.All(found, sum => Assert.Equal(expected, sum));
    }

    [Fact]
    public void Rank_ThatAborts_IsNoticedByTheOthers()
    {
        var said = OnRanks(3, communicator =>
        {
            if (communicator.Rank == 2)
            {
                communicator.Abort("This worker leaves.");
                return "left";
            }
            return Assert.Throws<NcclException>(() => Swap(communicator, peer: 2)).Message;
        });
        Assert.Equal("left", said[2]);
        Assert.All(said[..2], message => Assert.Contains("remote process exited", message, StringComparison.Ordinal));
    }

    // While a rank waits for another that never sends, somebody else ends the round.
    [Fact]
    public void Wait_IsEndedByAnAbortFromAnotherThread_InItsWords()
    {
        var said = OnRanks(2, communicator =>
        {
            if (communicator.Rank == 1)
            {
                return "";
            }
            using var waits = new ManualResetEventSlim();
            var ender = new Thread(() =>
            {
                waits.Wait();
                communicator.Abort("The round is over.");
            });
            ender.Start();
            var error = Assert.Throws<NcclException>(() => communicator.Together(() =>
            {
                Receive(communicator, from: 1);
                waits.Set();
            }));
            ender.Join();
            return error.Message;
        });
        Assert.Equal("The round is over.", said[0]);
    }

    [Fact]
    public void Rank_ThatNeverComes_IsGivenUp()
    {
        var communicator = new NcclCommunicator(standIn.Library, standIn.Library.CreateId(), rank: 0, ranks: 2);
        var error = Assert.Throws<NcclException>(() => communicator.Await(TimeSpan.FromMilliseconds(20)));
        Assert.Equal("Not all of 2 ranks have come within 0 s.", error.Message);
        communicator.Abort("Given up.");
        Assert.Equal("Given up.", Assert.Throws<NcclException>(() => communicator.Await(patience)).Message);
        communicator.Dispose();
    }

    [Fact]
    public void Rank_ThatDiesBetweenSendingAndGathering_IsNoticedByTheOthers()
    {
        using var sent = new Barrier(3);
        var said = OnRanks(3, communicator =>
        {
            Swap(communicator, peer: (communicator.Rank + 1) % 3, from: (communicator.Rank + 2) % 3);
            sent.SignalAndWait();
            if (communicator.Rank == 2)
            {
                communicator.Abort("The process is dead.");
                return "dead";
            }
            return Assert.Throws<NcclException>(() => Gather(communicator)).Message;
        });
        Assert.Equal("dead", said[2]);
        Assert.All(said[..2], message => Assert.Contains("remote process exited", message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(2804, "2.8.4")]
    [InlineData(22809, "2.28.9")]
    public void Version_IsReadInBothOfItsForms(int version, string text) => Assert.Equal(text, NcclLibrary.Text(version));

    [Theory]
    [InlineData("ncclSend")]
    [InlineData("ncclRecv")]
    [InlineData("ncclGroupStart")]
    [InlineData("ncclGroupEnd")]
    [InlineData("ncclCommGetAsyncError")]
    [InlineData("ncclCommInitRankConfig")]
    [InlineData("ncclGetUniqueId")]
    public void Function_ThatFails_IsNamedWithWhatNcclSays(string function)
    {
        Set("GRANARY_STANDIN_FAIL", function, overwrite: 1);
        try
        {
            var error = Assert.Throws<NcclException>(() =>
            {
                using var communicator = new NcclCommunicator(standIn.Library, standIn.Library.CreateId(), rank: 0, ranks: 1);
                communicator.Await(patience);
                communicator.Together(() =>
                {
                    Send(communicator, to: 0);
                    Receive(communicator, from: 0);
                });
            });
            Assert.StartsWith($"{(function == "ncclRecv" ? "nccl" : function)}", error.Message, StringComparison.Ordinal);
            Assert.Contains("NCCL's result", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Unset("GRANARY_STANDIN_FAIL");
        }
    }

    [Fact]
    public void Library_ThatIsTooOldOrAnother_IsRefused()
    {
        Set("GRANARY_STANDIN_VERSION", "21405", overwrite: 1);
        try
        {
            Assert.EndsWith("is NCCL 2.14.5, and 2.18 is the oldest that will do.", Assert.Throws<NcclException>(() => new NcclLibrary(standIn.Path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            Unset("GRANARY_STANDIN_VERSION");
        }
        Assert.Equal("2.28.9", standIn.Library.Version);
        Assert.Equal("libc.so.6 has no function ncclGetVersion: is it NCCL?", Assert.Throws<NcclException>(() => new NcclLibrary("libc.so.6")).Message);
        Assert.Equal("/nowhere/libnccl.so cannot be loaded.", Assert.Throws<NcclException>(() => new NcclLibrary("/nowhere/libnccl.so")).Message);
    }

    /// <summary>Runs as many ranks, each on a thread of its own.</summary>
    private T[] OnRanks<T>(int ranks, Func<NcclCommunicator, T> run)
    {
        var id = standIn.Library.CreateId();
        var found = new T[ranks];
        var failures = new Exception?[ranks];
        // Nobody begins before all have met, and nobody leaves before all are done.
        using var together = new Barrier(ranks);
        var threads = Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
        {
            try
            {
                using var communicator = new NcclCommunicator(standIn.Library, id, rank, ranks);
                communicator.Await(patience);
                together.SignalAndWait();
                found[rank] = run(communicator);
                together.SignalAndWait();
            }
            catch (Exception error)
            {
                failures[rank] = error;
                together.RemoveParticipant();
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.All(failures, Assert.Null);
        return found;
    }

    private static void Swap(NcclCommunicator communicator, int peer, int? from = null) => communicator.Together(() =>
    {
        Send(communicator, peer);
        Receive(communicator, from ?? peer);
    });

    private static unsafe void Gather(NcclCommunicator communicator)
    {
        var all = GC.AllocateArray<float>(3 * 8, pinned: true);
        communicator.Gather((float*)Marshal.UnsafeAddrOfPinnedArrayElement(all, 0), 8);
    }

    private static readonly float[] some = GC.AllocateArray<float>(16, pinned: true);

    private static unsafe void Send(NcclCommunicator communicator, int to) => communicator.Send((float*)Marshal.UnsafeAddrOfPinnedArrayElement(some, 0), 8, to);

    private static unsafe void Receive(NcclCommunicator communicator, int from) => communicator.Receive((float*)Marshal.UnsafeAddrOfPinnedArrayElement(some, 8), 8, from);

    private static Tensor Padded(float[] values, int ranks)
    {
        var padded = zeros(NcclSum.Padded(Length, ranks));
        padded.narrow(0, 0, Length).copy_(tensor(values));
        return padded;
    }

    /// <summary>What the shards of a node add up to, by the tree's definition.</summary>
    private static float[] Tree(ShardRange node, int shards)
    {
        if (node.End - node.Start == 1)
        {
            var random = new Random(node.Start);
            return [.. Enumerable.Range(0, Length).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-6, 7))))];
        }
        var middle = Enumerable.Range(node.Start + 1, node.End - node.Start - 1).First(cut => CanonicalTree.AreSiblings(new(node.Start, cut), new(cut, node.End), shards));
        return [.. Tree(new(node.Start, middle), shards).Zip(Tree(new(middle, node.End), shards), (left, right) => left + right)];
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Set(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unset(string name);
}
