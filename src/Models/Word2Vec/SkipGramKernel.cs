using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Granary.Training.Frames;

namespace Granary.Models.Word2Vec;

/// <summary>
/// Trains skip-gram with negative sampling on the rows of a frame, word after word. Every word in the window of a centre word
/// (an input) learns to tell that centre (an output) from its negatives (outputs too).
/// </summary>
internal sealed unsafe class SkipGramKernel(int dimension, int window, int negatives, bool? wide = null) : IDisposable
{
    private const int Lanes = 16;
    private readonly WindowStep step = new(dimension, 2 * window, wide ?? Vector512.IsHardwareAccelerated);

    /// <summary>Floats of a row in a frame: a vector, a number, zeros up to whole cache lines.</summary>
    public static int PaddedWidth(int dimension) => (dimension + Lanes) / Lanes * Lanes;

    /// <param name="rows">The vectors of all rows of the sample, zero beyond the dimension.</param>
    /// <param name="rate">Learning rate at the sample's beginning and at its end.</param>
    /// <returns>The loss summed over pairs, and their number. A pair is a word with a centre and all its negatives.</returns>
    public (double LossSum, long Pairs) Train(SkipGramSample sample, SparseRows rows, (double Start, double End) rate)
    {
        ReadOnlySpan<int> words = sample.Inputs, windows = sample.Windows, targets = sample.Outputs;
        var inputs = stackalloc float*[2 * window + 1];
        var outputs = stackalloc float*[negatives + 1 + WindowStep.Outputs];
        var table = rows.Row(0);
        long width = rows.Width, pairs = 0;
        for (var centre = 0; centre < words.Length; centre++)
        {
            var count = 0;
            for (var position = Math.Max(0, centre - windows[centre]); position <= Math.Min(words.Length - 1, centre + windows[centre]); position++)
            {
                inputs[count] = table + words[position] * width;
                count += position != centre ? 1 : 0;
            }
            var at = 0;
            foreach (var target in targets.Slice(centre * (1 + negatives), 1 + negatives))
            {
                outputs[at++] = table + target * width;
            }
            Prefetch(centre + 1, words, targets, table, width);
            if (count == 0)
            {
                continue;
            }
            new Span<nint>(outputs + at, WindowStep.Outputs).Fill((nint)outputs[0]);
            var now = (float)(rate.Start + (rate.End - rate.Start) * centre / words.Length);
            for (var start = 0; start <= negatives; start += WindowStep.Outputs)
            {
                step.Take(inputs, count, outputs + start, Math.Min(WindowStep.Outputs, negatives + 1 - start), positive: start == 0, now);
            }
            pairs += count;
        }
        return (step.TakeLoss(), pairs);
    }

    public void Dispose() => step.Dispose();

    /// <summary>Fetches what the next centre word will need into the cache while this one is computed.</summary>
    private void Prefetch(int centre, ReadOnlySpan<int> words, ReadOnlySpan<int> targets, float* table, long width)
    {
        if (!Sse.IsSupported || centre >= words.Length)
        {
            return;
        }
        foreach (var target in targets.Slice(centre * (1 + negatives), 1 + negatives))
        {
            Fetch(table + target * width);
        }
        if (centre + window < words.Length)
        {
            Fetch(table + words[centre + window] * width);
        }
    }

    private void Fetch(float* row)
    {
        for (var k = 0; k < dimension; k += Lanes)
        {
            Sse.Prefetch0(row + k);
        }
    }
}
