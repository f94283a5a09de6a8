using System.Globalization;
using System.Runtime.InteropServices;

namespace Granary.Torch.Devices;

/// <summary>What NVIDIA's driver tells of a GPU.</summary>
/// <param name="Memory">Bytes.</param>
/// <param name="Capability">The compute capability, such as 9.0.</param>
/// <param name="Multiprocessors">Streaming multiprocessors: how cuBLAS cuts sums may depend on their number.</param>
/// <param name="Identity">Its own among all GPUs, as NVIDIA's tools write it: GPU-... with a UUID.</param>
internal sealed record CudaDescription(string Name, long Memory, string Capability, int Multiprocessors, string Identity)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}, {Memory / (double)(1L << 30):0.#} GiB, compute capability {Capability}");
}

/// <summary>The functions of <c>libcuda.so.1</c> that need no context: TorchSharp surfaces none of what they tell.</summary>
internal static unsafe class CudaDriver
{
    // Of CUdevice_attribute.
    private const int Multiprocessors = 16, CapabilityMajor = 75, CapabilityMinor = 76;
    private const int LongestName = 256;
    private const string Library = "libcuda.so.1";

    /// <param name="number">Among those that the process sees.</param>
    /// <returns><see langword="null"/>: there is no such GPU, or no driver.</returns>
    public static CudaDescription? Describe(int number, string library = Library)
    {
        if (!NativeLibrary.TryLoad(library, out var driver))
        {
            return null;
        }
        nint Function(string name) => NativeLibrary.GetExport(driver, name);
        int device;
        if (((delegate* unmanaged<uint, int>)Function("cuInit"))(0) != 0 || ((delegate* unmanaged<int*, int, int>)Function("cuDeviceGet"))(&device, number) != 0)
        {
            return null;
        }
        var read = (delegate* unmanaged<int*, int, int, int>)Function("cuDeviceGetAttribute");
        int major, minor, multiprocessors;
        var name = stackalloc byte[LongestName];
        nuint memory;
        var identity = stackalloc byte[16];
        return ((delegate* unmanaged<byte*, int, int, int>)Function("cuDeviceGetName"))(name, LongestName, device) == 0
            && ((delegate* unmanaged<nuint*, int, int>)Function("cuDeviceTotalMem_v2"))(&memory, device) == 0
            && ((delegate* unmanaged<byte*, int, int>)Function("cuDeviceGetUuid"))(identity, device) == 0
            && read(&major, CapabilityMajor, device) == 0 && read(&minor, CapabilityMinor, device) == 0 && read(&multiprocessors, Multiprocessors, device) == 0
            ? new(Marshal.PtrToStringUTF8((nint)name)!, (long)memory, $"{major}.{minor}", multiprocessors, $"GPU-{new Guid(new ReadOnlySpan<byte>(identity, 16), bigEndian: true)}")
            : null;
    }
}
