using System.Runtime.InteropServices;
using Granary.Training.Randomness;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>Dropout (Srivastava et al., 2014) that draws from a generator of our own: libtorch's draws from one for all threads.</summary>
public static class StepDropout
{
    /// <summary>Each value is 0 with probability <paramref name="share"/>; the others grow, so that the expected value stays.</summary>
    /// <param name="share">In [0, 1).</param>
    public static Tensor Apply(Tensor values, double share, LaneRandom random)
    {
        if (share == 0)
        {
            return values;
        }
        var mask = empty(values.shape);
        random.Keep(MemoryMarshal.Cast<byte, float>(mask.bytes), probability: 1 - share, value: (float)(1 / (1 - share)));
        return values * mask;
    }
}
