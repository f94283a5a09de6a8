using Granary.Torch.Runtime;
using Granary.Training;
using Granary.Training.Tasks;

namespace Granary.Torch.Devices;

/// <summary>The devices that learners can live on here.</summary>
public static class TorchDevices
{
    private static readonly Lazy<IReadOnlyDictionary<string, string>> gpus = new(FindGpus);

    /// <summary>The GPUs that libtorch can use, by name (<c>cuda:0</c>), and what each is: its model, memory and compute capability.</summary>
    public static IReadOnlyDictionary<string, string> Gpus => gpus.Value;

    /// <summary>What the bits depend on that are computed on a device, besides <see cref="TorchRuntime.Switches"/>.</summary>
    public static IReadOnlyDictionary<string, string> SwitchesOf(string device) => DeviceName.KindOf(device) == DeviceName.Cuda
        ? CudaRuntime.SwitchesOf(CudaDevice.NumberIn(device))
        : new Dictionary<string, string> { [DeviceName.Switch] = device };

    /// <summary>See <see cref="SmokeTest.Faults()"/>, and what libtorch lacks for the promise of the same bits.</summary>
    /// <param name="gpu">One of <see cref="Gpus"/>.</param>
    public static IReadOnlyList<string> Faults(string gpu)
    {
        try
        {
            using var here = ReplicaDevice.Open(gpu).Enter();
            return [.. SmokeTest.Faults(ReplicaDevice.Current.Place), .. CudaRuntime.Configure().Select(function => $"This libtorch does not export {function}: kernels may differ from run to run.")];
        }
        catch (TaskSettingException error)
        {
            return [error.Message];
        }
    }

    /// <summary>How the processor, all <see cref="Gpus"/> and a staged device, if one is in use, stand.</summary>
    public static IEnumerable<DeviceReading> Read()
    {
        var (used, limit) = (MemoryLimit.Used, MemoryLimit.OfProcess);
        yield return Reading(DeviceName.Cpu, Processor.Name, (used, Math.Max(0, limit - used)));
        foreach (var gpu in Gpus.Keys)
        {
            var what = CudaDriver.Describe(CudaDevice.NumberIn(gpu));
            yield return Reading(gpu, what?.Name ?? "unknown", what is null ? null : GpuMemory.Of(what.Identity));
        }
        if (DeviceClock.IsInUse(DeviceName.Staged))
        {
            yield return Reading(DeviceName.Staged, Processor.Name, null);
        }
    }

    private static DeviceReading Reading(string device, string model, (long Used, long Free)? memory)
    {
        var clock = DeviceClock.Of(device);
        return new(device, model, memory, clock[DeviceWork.Copy], clock[DeviceWork.Exchange]);
    }

    private static Dictionary<string, string> FindGpus()
    {
        _ = TorchRuntime.Switches;
        return Enumerable.Range(0, Libtorch.Gpus).ToDictionary(number => $"{DeviceName.Cuda}:{number}", number => CudaDriver.Describe(number)?.ToString() ?? "of an unknown model");
    }
}
