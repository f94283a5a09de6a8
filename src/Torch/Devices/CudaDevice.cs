using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Granary.Torch.Runtime;
using Granary.Training.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>One GPU, by its number.</summary>
internal sealed unsafe class CudaDevice : ReplicaDevice
{
    // Name mangling of libtorch 2.10, as of all functions here.
    private const string SetData = "_ZNK2at10TensorBase8set_dataERKS0_", SetDevice = "_ZN2at11accelerator14setDeviceIndexEa", CreateCudaGenerator = "_ZN2at4cuda6detail19createCUDAGeneratorEa";
    private static readonly Dictionary<int, CudaDevice> opened = [];
    private readonly int number;
    private readonly Lazy<CudaStreams?> streams;
    private readonly nint setData = LibtorchExport.Find(SetData), setDevice = LibtorchExport.Find(SetDevice), createGenerator = LibtorchExport.Find(CreateCudaGenerator, "libtorch_cuda.so");

    private CudaDevice(int number)
    {
        (this.number, Place) = (number, new(DeviceType.CUDA, number));
        streams = new(() => CudaStreams.Find(Clock));
        string[] missing = [.. new[] { (SetData, setData), (SetDevice, setDevice), (CreateCudaGenerator, createGenerator) }.Where(function => function.Item2 == 0).Select(function => function.Item1)];
        if (missing.Length > 0)
        {
            throw new TaskSettingException($"Device '{Name}' cannot be used: this libtorch does not export {string.Join(", ", missing)}. Use libtorch {Libtorch.Expected}, or device cpu.");
        }
    }

    public override string Name => $"{DeviceName.Cuda}:{number}";

    public override Device Place { get; }

    public override long? Memory => CudaDriver.Describe(number)?.Memory;

    /// <param name="device"><c>cuda</c> or <c>cuda:1</c> and so on.</param>
    public static int NumberIn(string device) => device == DeviceName.Cuda ? 0 : int.Parse(device.AsSpan(DeviceName.Cuda.Length + 1), CultureInfo.InvariantCulture);

    /// <exception cref="TaskSettingException">There is no such GPU, or libtorch cannot use it.</exception>
    public static CudaDevice Open(int number)
    {
        var count = TorchDevices.Gpus.Count;
        if (number >= count)
        {
            throw new TaskSettingException(count == 0
                ? $"Device '{DeviceName.Cuda}:{number}' is not here: this libtorch sees no GPU. Use device {DeviceName.Cpu}; granary doctor tells what is missing."
                : $"Device '{DeviceName.Cuda}:{number}' is not here: the last of {count} is {DeviceName.Cuda}:{count - 1}.");
        }
        lock (opened)
        {
            _ = CudaRuntime.Configure();
            return opened.TryGetValue(number, out var device) ? device : opened[number] = new(number);
        }
    }

    public override Tensor AllocateOnHost(long floats)
    {
        using var pageable = zeros(floats);
        return pageable.pin_memory().DetachFromDisposeScope();
    }

    public override void Synchronize()
    {
        cuda.synchronize(Place);
        CheckForErrors();
        streams.Value?.Settle();
    }

    public override IDisposable? Measure(DeviceWork work) => streams.Value?.Measure(work);

    // In one line with the kernels where the runtime has no stream to give.
    public override void CopyAside(Tensor from, Tensor into)
    {
        if (streams.Value?.CopyToHost(into.Floats(), Address(from), from.numel() * sizeof(float)) is not true)
        {
            Copy(from, into);
        }
    }

    // From pinned memory nobody waits; libtorch keeps it until the copy is done.
    public override Tensor Bring(Tensor tensor)
    {
        using var measured = Measure(DeviceWork.Copy);
        return tensor.device_type == DeviceType.CPU ? tensor.pin_memory().to(Place, non_blocking: true) : tensor;
    }

    public override Tensor Fetch(Tensor tensor) => tensor.cpu();

    public override bool UsesNccl => true;

    // TorchSharp's own way to the values is for the host's alone.
    public override float* Address(Tensor tensor) => (float*)tensor.storage<float>().data_ptr() + tensor.storage_offset();

    // CUDA's is IEEE's.
    public override Tensor SquareRoot(Tensor values) => values.sqrt();

    // Tensor.set_ refuses to change the device.
    public override void MoveInto(Tensor part, Tensor view) => ((delegate* unmanaged<nint, nint, void>)setData)(part.Handle, view.Handle);

    // An at::Generator is one pointer, returned through a hidden first argument; TorchSharp deletes it, which is free(). Its own constructor makes a generator of the processor's, whatever device it is told.
    public override Generator CreateGenerator()
    {
        var place = (nint)NativeMemory.Alloc((nuint)sizeof(nint));
        ((delegate* unmanaged<nint, sbyte, nint>)createGenerator)(place, (sbyte)number);
        return Wrap(place);
    }

    protected override void Entered() => ((delegate* unmanaged<sbyte, void>)setDevice)((sbyte)number);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern Generator Wrap(nint handle);
}
