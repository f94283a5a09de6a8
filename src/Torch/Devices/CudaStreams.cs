using System.Runtime.InteropServices;
using Granary.Torch.Runtime;

namespace Granary.Torch.Devices;

/// <summary>
/// Of the CUDA runtime that libtorch has loaded: a stream for copies to the host beside the kernels, and events that tell how long the GPU was at something. TorchSharp
/// surfaces neither. What is begun is on the GPU that is the calling thread's.
/// </summary>
internal sealed unsafe class CudaStreams
{
    // cudaMemcpyDeviceToHost, cudaStreamNonBlocking, and libtorch's own stream.
    private const int ToHost = 2, NonBlocking = 1;
    private const nint DefaultStream = 0;
    private static readonly string[] functions =
        ["cudaStreamCreateWithFlags", "cudaEventCreateWithFlags", "cudaEventDestroy", "cudaEventRecord", "cudaStreamWaitEvent", "cudaMemcpyAsync", "cudaEventElapsedTime"];

    private readonly Lock gate = new();
    private readonly Dictionary<string, nint> found;
    private readonly List<Span> open = [];
    private readonly DeviceClock clock;
    private nint aside;

    private CudaStreams(Dictionary<string, nint> found, DeviceClock clock) => (this.found, this.clock) = (found, clock);

    /// <param name="library">The runtime's file. Default: the one that is loaded.</param>
    /// <returns><see langword="null"/>: there is none, or it lacks a function.</returns>
    public static CudaStreams? Find(DeviceClock clock, string? library = null)
    {
        library ??= Libtorch.Mapped(name => name.StartsWith("libcudart", StringComparison.Ordinal));
        if (library is null || !NativeLibrary.TryLoad(library, out var runtime))
        {
            return null;
        }
        var found = functions.ToDictionary(function => function, function => NativeLibrary.TryGetExport(runtime, function, out var address) ? address : 0);
        return found.ContainsValue(0) ? null : new(found, clock);
    }

    /// <summary>Begins to copy when all is done that was begun before, and lets what is begun afterwards go on meanwhile.</summary>
    /// <param name="into">Pinned.</param>
    /// <returns>Whether it does; if not, nothing has happened.</returns>
    public bool CopyToHost(void* into, void* from, long bytes)
    {
        lock (gate)
        {
            if ((aside == 0 && !TryCreateStream(out aside)) || Record(DefaultStream) is not (not 0 and var ready))
            {
                return false;
            }
            var waits = ((delegate* unmanaged<nint, nint, uint, int>)found["cudaStreamWaitEvent"])(aside, ready, 0) == 0;
            var begun = waits ? Record(aside) : 0;
            var copies = waits && ((delegate* unmanaged<void*, void*, nuint, int, nint, int>)found["cudaMemcpyAsync"])(into, from, (nuint)bytes, ToHost, aside) == 0;
            if (copies && begun != 0 && Record(aside) is not 0 and var ended)
            {
                open.Add(new(DeviceWork.Copy, begun, ended));
            }
            else
            {
                Destroy(begun);
            }
            Destroy(ready);
            return copies;
        }
    }

    /// <summary>Measures what the GPU does between now and the end of the scope.</summary>
    public IDisposable Measure(DeviceWork work)
    {
        lock (gate)
        {
            return new Measured(this, work, Record(DefaultStream));
        }
    }

    /// <summary>Adds up what was measured and is done.</summary>
    public void Settle()
    {
        lock (gate)
        {
            open.RemoveAll(TryAdd);
        }
    }

    private bool TryCreateStream(out nint stream)
    {
        fixed (nint* made = &stream)
        {
            return ((delegate* unmanaged<nint*, uint, int>)found["cudaStreamCreateWithFlags"])(made, NonBlocking) == 0;
        }
    }

    /// <returns>An event of this moment; 0: there is none to be had.</returns>
    private nint Record(nint stream)
    {
        nint made;
        if (((delegate* unmanaged<nint*, uint, int>)found["cudaEventCreateWithFlags"])(&made, 0) != 0)
        {
            return 0;
        }
        if (((delegate* unmanaged<nint, nint, int>)found["cudaEventRecord"])(made, stream) == 0)
        {
            return made;
        }
        Destroy(made);
        return 0;
    }

    // An event that is still waited for goes when it has come.
    private void Destroy(nint made)
    {
        if (made != 0)
        {
            _ = ((delegate* unmanaged<nint, int>)found["cudaEventDestroy"])(made);
        }
    }

    private bool TryAdd(Span span)
    {
        float milliseconds;
        if (((delegate* unmanaged<float*, nint, nint, int>)found["cudaEventElapsedTime"])(&milliseconds, span.Begun, span.Ended) != 0)
        {
            return false;
        }
        clock.Add(span.Work, TimeSpan.FromMilliseconds(milliseconds));
        Destroy(span.Begun);
        Destroy(span.Ended);
        return true;
    }

    private readonly record struct Span(DeviceWork Work, nint Begun, nint Ended);

    private sealed class Measured(CudaStreams streams, DeviceWork work, nint begun) : IDisposable
    {
        public void Dispose()
        {
            lock (streams.gate)
            {
                if (begun != 0 && streams.Record(DefaultStream) is not 0 and var ended)
                {
                    streams.open.Add(new(work, begun, ended));
                    return;
                }
                streams.Destroy(begun);
            }
        }
    }
}
