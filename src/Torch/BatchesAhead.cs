using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Granary.Torch.Devices;
using Granary.Training.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// Hands out batches, and meanwhile makes the next one on another thread: a pure function may be asked early. A batch that is
/// then not asked for is thrown away.
/// </summary>
internal sealed class BatchesAhead(IReadOnlyList<Phase> phases, ReplicaDevice device) : IDisposable
{
    private readonly SemaphoreSlim ordered = new(0), ready = new(0);
    private Thread? maker;
    private Coordinates? order;
    private object? made;
    private ExceptionDispatchInfo? failure;
    private long waited;

    /// <summary>How long <see cref="Take"/> took, all in all.</summary>
    public TimeSpan Waited => TimeSpan.FromTicks(waited);

    /// <summary>Whether to make batches ahead at all. Default: no.</summary>
    public bool IsOn { get; set; }

    /// <summary>Makes a batch on the device here and now, its tensors in the innermost scope of the thread.</summary>
    public object? Make(Coordinates at) => MakeOnHost(at) is { } batch ? DeviceBatch.Bring(batch, device) : null;

    /// <param name="next">The batch that is likely to be asked for next; <see langword="null"/>: nobody knows.</param>
    /// <param name="scope">The thread's innermost scope, which the batch's tensors are attached to.</param>
    /// <returns>The batch, on the device; <see langword="null"/>: there is none for the shard.</returns>
    public object? Take(Coordinates at, Coordinates? next, DisposeScope scope)
    {
        var started = Stopwatch.GetTimestamp();
        object? batch;
        if (order == at)
        {
            batch = Collect();
            failure?.Throw();
            scope.Attach(DeviceBatch.TensorsOf(batch));
        }
        else
        {
            Forget();
            batch = MakeOnHost(at);
        }
        if (IsOn && next is { } wanted && phases[wanted.Phase].Batches.MadeAhead)
        {
            Order(wanted);
        }
        batch = batch is null ? null : DeviceBatch.Bring(batch, device);
        waited += Stopwatch.GetElapsedTime(started).Ticks;
        return batch;
    }

    /// <summary>Throws away the batch that was ordered, if one was.</summary>
    public void Forget()
    {
        if (order is not null)
        {
            foreach (var tensor in DeviceBatch.TensorsOf(Collect()))
            {
                tensor.Dispose();
            }
        }
    }

    public void Dispose()
    {
        Forget();
        if (maker is not null)
        {
            ordered.Release();
            maker.Join();
        }
        ordered.Dispose();
        ready.Dispose();
        foreach (var phase in phases)
        {
            phase.DisposeBatches();
        }
    }

    private void Order(Coordinates wanted)
    {
        order = wanted;
        if (maker is null)
        {
            maker = new(MakeOrders) { Name = "batches ahead", IsBackground = true };
            maker.Start();
        }
        ordered.Release();
    }

    private object? Collect()
    {
        ready.Wait();
        order = null;
        return made;
    }

    private void MakeOrders()
    {
        for (ordered.Wait(); order is { } wanted; ordered.Wait())
        {
            (made, failure) = (null, null);
            try
            {
                using var scope = NewDisposeScope();
                made = MakeOnHost(wanted);
                foreach (var tensor in DeviceBatch.TensorsOf(made))
                {
                    tensor.DetachFromDisposeScope();
                }
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
            ready.Release();
        }
    }

    private object? MakeOnHost(Coordinates at) => phases[at.Phase].Batches.Of(at.Step, at.Shard);
}
