using static TorchSharp.torch;

namespace Granary.Torch.Runtime;

/// <summary>
/// In which format GPUs multiply: IEEE's single precision, or NVIDIA's TF32, which rounds the factors of products and convolutions to ten bits. libtorch has one switch for
/// the whole process, which it reads when it launches a kernel: while one replica launches, others that want the other format wait. They take turns.
/// </summary>
internal static class Matmul
{
    /// <summary>Values of the setting.</summary>
    public const string Ieee = "ieee", Tf32 = "tf32";

    private static readonly object gate = new();
    private static readonly int[] waiting = new int[2];
    private static int inForce, inside;

    [ThreadStatic]
    private static bool isWithin;

    /// <summary>The format is in force until the scope is disposed, on the same thread. Within another scope it does nothing.</summary>
    public static Scope Begin(string format)
    {
        if (isWithin)
        {
            return new(false);
        }
        var (wanted, other) = format == Tf32 ? (1, 0) : (0, 1);
        lock (gate)
        {
            waiting[wanted]++;
            while (!(inside == 0 ? inForce != wanted || waiting[other] == 0 : inForce == wanted && waiting[other] == 0))
            {
                Monitor.Wait(gate);
            }
            waiting[wanted]--;
            inside++;
            isWithin = true;
            if (inForce != wanted)
            {
                inForce = wanted;
                (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = (wanted == 1, wanted == 1);
            }
        }
        return new(true);
    }

    /// <summary>How many threads wait for their turn.</summary>
    internal static int Waiting
    {
        get
        {
            lock (gate)
            {
                return waiting.Sum();
            }
        }
    }

    /// <summary>See <see cref="Begin"/>.</summary>
    public readonly struct Scope(bool entered) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose()
        {
            if (entered)
            {
                isWithin = false;
                lock (gate)
                {
                    inside--;
                    Monitor.PulseAll(gate);
                }
            }
        }
    }
}
