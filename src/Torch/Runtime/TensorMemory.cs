using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Granary.Torch.Runtime;

/// <summary>Where tensors lie.</summary>
internal static unsafe class TensorMemory
{
    /// <summary>The memory of a contiguous tensor on the CPU; valid as long as the tensor.</summary>
    public static float* Floats(this Tensor tensor) => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
}
