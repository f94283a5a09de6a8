using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.ExceptionServices;
using Granary.Training.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// Hands out batches, and meanwhile makes the next one on another thread: a pure function may be asked early. A batch that is
/// then not asked for is thrown away.
/// </summary>
internal sealed class BatchesAhead(IReadOnlyList<Phase> phases) : IDisposable
{
    // Of every kind of batch, what of it is a tensor.
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> properties = [];
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

    /// <summary>Makes a batch here and now, its tensors in the innermost scope of the thread.</summary>
    public object? Make(Coordinates at) => phases[at.Phase].Batches.Of(at.Step, at.Shard);

    /// <param name="next">The batch that is likely to be asked for next; <see langword="null"/>: nobody knows.</param>
    /// <param name="scope">The thread's innermost scope, which the batch's tensors are attached to.</param>
    /// <returns>The batch; <see langword="null"/>: there is none for the shard.</returns>
    public object? Take(Coordinates at, Coordinates? next, DisposeScope scope)
    {
        var started = Stopwatch.GetTimestamp();
        object? batch;
        if (order == at)
        {
            batch = Collect();
            failure?.Throw();
            scope.Attach(TensorsOf(batch));
        }
        else
        {
            Forget();
            batch = Make(at);
        }
        if (IsOn && next is { } wanted && phases[wanted.Phase].Batches.MadeAhead)
        {
            Order(wanted);
        }
        waited += Stopwatch.GetElapsedTime(started).Ticks;
        return batch;
    }

    /// <summary>Throws away the batch that was ordered, if one was.</summary>
    public void Forget()
    {
        if (order is not null)
        {
            foreach (var tensor in TensorsOf(Collect()))
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
                made = Make(wanted);
                foreach (var tensor in TensorsOf(made))
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

    private static IEnumerable<Tensor> TensorsOf(object? batch) => batch switch
    {
        null => [],
        Tensor tensor => [tensor],
        _ => properties.GetOrAdd(batch.GetType(), Find).Select(property => (Tensor?)property.GetValue(batch)).OfType<Tensor>(),
    };

    private static PropertyInfo[] Find(Type type) => [.. type.GetProperties().Where(property => property.PropertyType == typeof(Tensor))];
}
