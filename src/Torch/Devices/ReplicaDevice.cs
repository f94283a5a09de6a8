using System.Runtime.InteropServices;
using Granary.Torch.Runtime;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>Where a replica's tensors lie, and how values come there and back. Used by the replica's thread.</summary>
internal abstract class ReplicaDevice
{
    [ThreadStatic]
    private static ReplicaDevice? current;

    /// <summary>The device of the replica that the thread works for; the host, where it works for none.</summary>
    public static ReplicaDevice Current => current ?? HostDevice.Only;

    /// <summary>As <see cref="Open"/> takes it.</summary>
    public abstract string Name { get; }

    /// <summary>Whether its memory is the host's: then nothing is ever copied.</summary>
    public virtual bool IsHost => false;

    /// <summary>Bytes of its own memory. Default: it has none.</summary>
    public virtual long? Memory => null;

    /// <summary>Where libtorch is to make tensors.</summary>
    public virtual Device Place => CPU;

    /// <param name="name"><c>cpu</c>; <c>cuda</c>, the first GPU, or <c>cuda:1</c> and so on; <c>staged</c>: the processor, as if its memory were another's, which shows without a GPU what a GPU does.</param>
    /// <exception cref="TaskSettingException">There is no such device here.</exception>
    public static ReplicaDevice Open(string name) => name switch
    {
        DeviceName.Cpu => HostDevice.Only,
        DeviceName.Staged => new StagedDevice(),
        DeviceName.Auto => throw new ArgumentException("Which device 'auto' is has to be settled first."),
        _ when DeviceName.IsValid(name) => CudaDevice.Open(CudaDevice.NumberIn(name)),
        _ => throw new TaskSettingException($"No device is named '{name}'. Known: {DeviceName.Cpu}, {DeviceName.Cuda}, {DeviceName.Cuda}:0 and so on."),
    };

    /// <summary>Until the scope ends the thread works for a replica that lives here.</summary>
    public Stay Enter()
    {
        var before = current;
        current = this;
        Entered();
        return new(before);
    }

    /// <summary>So many zeros on the device, in no scope.</summary>
    public virtual Tensor Allocate(long floats) => zeros(floats, device: Place).DetachFromDisposeScope();

    /// <summary>So many zeros of the host's that <see cref="Copy"/> is quick with, in no scope.</summary>
    public virtual Tensor AllocateOnHost(long floats) => zeros(floats).DetachFromDisposeScope();

    /// <summary>Begins to copy, in the order of all that is computed; see <see cref="Synchronize"/>.</summary>
    public virtual void Copy(Tensor from, Tensor into)
    {
        using var measured = Measure(DeviceWork.Copy);
        using var scope = NewDisposeScope();
        using var outside = no_grad();
        into.copy_(from, nonBlocking: true);
    }

    /// <summary>Begins to copy to the host what was computed so far; what is computed afterwards does not wait for it. Default: it does.</summary>
    /// <param name="into">As <see cref="AllocateOnHost"/> makes it; not to be freed before <see cref="Synchronize"/>.</param>
    public virtual void CopyAside(Tensor from, Tensor into) => Copy(from, into);

    /// <summary>Measures, until the scope ends, what is begun; <see langword="null"/>: nothing can be measured.</summary>
    public virtual IDisposable? Measure(DeviceWork work) => Clock.Measure(work);

    /// <summary>What was measured.</summary>
    public DeviceClock Clock => field ??= DeviceClock.Of(Name);

    /// <summary>Returns when all is done that was begun.</summary>
    /// <exception cref="ExternalException">Something of it has failed.</exception>
    public abstract void Synchronize();

    /// <summary>A tensor of the host's as one of the device's, in the innermost scope. The same one, if it is there already.</summary>
    public abstract Tensor Bring(Tensor tensor);

    /// <summary>A tensor of the device's as one of the host's, in the innermost scope; returns when its values are there.</summary>
    public abstract Tensor Fetch(Tensor tensor);

    /// <summary>Makes a parameter or buffer of a module lie where <paramref name="view"/> does.</summary>
    public virtual void MoveInto(Tensor part, Tensor view) => part.set_(view);

    /// <summary>Whether replicas here exchange over NCCL, where there is one. Default: no.</summary>
    public virtual bool UsesNccl => false;

    /// <summary>Where a tensor's floats lie, for libraries that compute there.</summary>
    public virtual unsafe float* Address(Tensor tensor) => tensor.Floats();

    /// <summary>
    /// The square root, rounded correctly. libtorch's on the processor is MKL's, which on a Zen 5 is not, in a fifth of all values; that of double
    /// precision, rounded once more, always is.
    /// </summary>
    public virtual Tensor SquareRoot(Tensor values) => values.to(float64).sqrt().to(float32);

    /// <summary>What random numbers are drawn from on the device.</summary>
    public virtual Generator CreateGenerator() => new();

    /// <summary>The thread has come to work here.</summary>
    protected virtual void Entered()
    {
    }

    /// <summary>See <see cref="Enter"/>.</summary>
    public readonly struct Stay(ReplicaDevice? before) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose()
        {
            current = before;
            before?.Entered();
        }
    }
}
