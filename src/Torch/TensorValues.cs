using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>What tensors hold.</summary>
public static class TensorValues
{
    /// <summary>A copy of the values, wherever they are; of a GPU's tensor it is waited for.</summary>
    /// <typeparam name="T">The tensor's own type.</typeparam>
    public static T[] Values<T>(this Tensor tensor) where T : unmanaged
    {
        using var values = tensor.detach();
        using var here = values.cpu();
        using var inOrder = here.contiguous();
        return MemoryMarshal.Cast<byte, T>(inOrder.bytes).ToArray();
    }
}
