using System.Runtime.InteropServices;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>The values of a tensor as bytes, in pieces: all together they may be more than a span can count.</summary>
internal static class TensorBytes
{
    private const int Piece = 1 << 24;

    public static void ForEachPiece(StateTensor tensor, Action<Span<byte>> use)
    {
        for (var start = 0L; start < tensor.Length; start += Piece)
        {
            use(MemoryMarshal.AsBytes(tensor.Part(start, Math.Min(Piece, tensor.Length - start))));
        }
    }
}
