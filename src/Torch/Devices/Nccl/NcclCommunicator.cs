using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Granary.Torch.Devices.Nccl;

/// <summary>
/// One rank's end of a communicator, which lives for a round. Nothing of it blocks: whoever waits polls, so that a peer that is gone, or a round that is over,
/// holds up nobody. Used by one thread, but for <see cref="Abort"/>.
/// </summary>
internal sealed unsafe class NcclCommunicator : IDisposable
{
    // ncclFloat32.
    private const int Float = 7;
    private const nint DefaultStream = 0;
    private static readonly TimeSpan pollEvery = TimeSpan.FromMilliseconds(0.05);
    private readonly NcclLibrary nccl;
    private readonly Lock gate = new();
    private readonly delegate* unmanaged<float*, nuint, int, int, nint, nint, int> send, receive;
    private readonly delegate* unmanaged<float*, float*, nuint, int, nint, nint, int> gather;
    private readonly delegate* unmanaged<int> begin, end;
    private readonly delegate* unmanaged<nint, int*, int> ask;
    private nint handle;
    private string? aborted;

    /// <summary>Begins to meet the others.</summary>
    /// <param name="id">The same for all ranks.</param>
    public NcclCommunicator(NcclLibrary nccl, NcclId id, int rank, int ranks)
    {
        (this.nccl, Rank, Ranks) = (nccl, rank, ranks);
        send = (delegate* unmanaged<float*, nuint, int, int, nint, nint, int>)nccl["ncclSend"];
        receive = (delegate* unmanaged<float*, nuint, int, int, nint, nint, int>)nccl["ncclRecv"];
        gather = (delegate* unmanaged<float*, float*, nuint, int, nint, nint, int>)nccl["ncclAllGather"];
        begin = (delegate* unmanaged<int>)nccl["ncclGroupStart"];
        end = (delegate* unmanaged<int>)nccl["ncclGroupEnd"];
        ask = (delegate* unmanaged<nint, int*, int>)nccl["ncclCommGetAsyncError"];
        var configuration = Configuration.NonBlocking;
        nint made;
        nccl.Check("ncclCommInitRankConfig", ((delegate* unmanaged<nint*, int, NcclId, int, Configuration*, int>)nccl["ncclCommInitRankConfig"])(&made, ranks, id, rank, &configuration));
        handle = made;
    }

    public int Rank { get; }

    public int Ranks { get; }

    /// <summary>Waits until what was begun is under way everywhere: first of all, until all ranks have come.</summary>
    /// <exception cref="NcclException">A peer is gone or does not come, or the round is over.</exception>
    public void Await(TimeSpan patience)
    {
        var since = Stopwatch.GetTimestamp();
        while (!IsReady())
        {
            if (Stopwatch.GetElapsedTime(since) > patience)
            {
                throw new NcclException($"Not all of {Ranks} ranks have come within {patience.TotalSeconds:0.#} s.");
            }
            Thread.Sleep(pollEvery);
        }
    }

    /// <summary>Makes sends and receives one operation, without which they would wait for each other.</summary>
    /// <exception cref="NcclException">A peer is gone, or the round is over.</exception>
    public void Together(Action transfers)
    {
        nccl.Check("ncclGroupStart", begin());
        try
        {
            transfers();
        }
        finally
        {
            Settle("ncclGroupEnd", end());
        }
    }

    public void Send(float* from, long count, int peer) => nccl.Check("ncclSend", send(from, (nuint)count, Float, peer, Open(), DefaultStream));

    public void Receive(float* into, long count, int peer) => nccl.Check("ncclRecv", receive(into, (nuint)count, Float, peer, Open(), DefaultStream));

    /// <summary>Collects each rank's part in all ranks.</summary>
    /// <param name="all">This rank's part is in its place already.</param>
    /// <param name="each">Floats of a part.</param>
    public void Gather(float* all, long each) => Settle("ncclAllGather", gather(all + Rank * each, all, (nuint)each, Float, Open(), DefaultStream));

    /// <summary>Ends it for all ranks. Callable from any thread, any number of times.</summary>
    public void Abort(string why)
    {
        lock (gate)
        {
            if (aborted is null && handle != 0)
            {
                aborted = why;
                ((delegate* unmanaged<nint, int>)nccl["ncclCommAbort"])(handle);
            }
        }
    }

    /// <summary>A clean end, where nothing has failed.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (handle != 0 && aborted is null)
            {
                _ = ((delegate* unmanaged<nint, int>)nccl["ncclCommFinalize"])(handle);
                _ = ((delegate* unmanaged<nint, int>)nccl["ncclCommDestroy"])(handle);
            }
            handle = 0;
        }
    }

    /// <summary>Waits until the library has taken something over, which it may do after the call; the GPU then does it in its turn.</summary>
    private void Settle(string what, int result)
    {
        lock (gate)
        {
            // What was broken off from outside is told in the words of whoever did so.
            if (aborted is null ? nccl.Check(what, result) : throw new NcclException(aborted))
            {
                return;
            }
        }
        while (!IsReady())
        {
            Thread.Sleep(pollEvery);
        }
    }

    private bool IsReady()
    {
        int state;
        lock (gate)
        {
            return nccl.Check("ncclCommGetAsyncError", ask(Open(), &state)) && nccl.Check("The communicator", state);
        }
    }

    private nint Open() => aborted is { } why ? throw new NcclException(why) : handle != 0 ? handle : throw new ObjectDisposedException(nameof(NcclCommunicator));

    /// <summary>The beginning of ncclConfig_t, which is all that old and new libraries look at.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Configuration
    {
        private nuint size;
        private uint magic, version;
        private int blocking, clusterSize, fewestBlocks, mostBlocks;

        public static Configuration NonBlocking => new()
        {
            size = (nuint)sizeof(Configuration),
            magic = 0xcafebeef,
            version = 21700,
            blocking = 0,
            clusterSize = int.MinValue,
            fewestBlocks = int.MinValue,
            mostBlocks = int.MinValue,
        };
    }
}
