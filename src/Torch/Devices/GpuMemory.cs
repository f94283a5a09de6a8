using System.Runtime.InteropServices;
using System.Text;

namespace Granary.Torch.Devices;

/// <summary>How much of a GPU's memory is taken, by this process and all others. From NVIDIA's management library, which needs no context on the GPU and disturbs nobody.</summary>
internal static unsafe class GpuMemory
{
    private const string Library = "libnvidia-ml.so.1";

    /// <param name="identity">See <see cref="CudaDescription.Identity"/>: the library's own numbers are not those that the process sees.</param>
    /// <returns>Bytes; <see langword="null"/>: there is no library, or it does not tell.</returns>
    public static (long Used, long Free)? Of(string identity, string library = Library)
    {
        if (!NativeLibrary.TryLoad(library, out var management)
            || !NativeLibrary.TryGetExport(management, "nvmlInit_v2", out var initialize)
            || !NativeLibrary.TryGetExport(management, "nvmlDeviceGetHandleByUUID", out var find)
            || !NativeLibrary.TryGetExport(management, "nvmlDeviceGetMemoryInfo", out var ask))
        {
            return null;
        }
        nint device;
        Memory memory;
        fixed (byte* text = Encoding.ASCII.GetBytes(identity + '\0'))
        {
            return ((delegate* unmanaged<int>)initialize)() == 0
                && ((delegate* unmanaged<byte*, nint*, int>)find)(text, &device) == 0
                && ((delegate* unmanaged<nint, Memory*, int>)ask)(device, &memory) == 0
                ? ((long)memory.Used, (long)memory.Free)
                : null;
        }
    }

    // nvmlMemory_t.
    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong Total, Free, Used;
    }
}
