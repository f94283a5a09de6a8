using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Granary.Training.Frames;
using Granary.Training.Numerics;

namespace Granary.Models.Word2Vec;

/// <summary>
/// Trains on the rows of a frame, word after word. In skip-gram every word in the window of a centre word (an input) learns to
/// tell that centre by its targets (outputs); in CBOW the mean of these words does.
/// </summary>
/// <param name="mostTargets">Most targets that a centre word has.</param>
/// <param name="mean">Whether it is CBOW.</param>
internal sealed unsafe class WindowKernel(int dimension, int window, int mostTargets, bool mean = false, bool? wide = null) : IDisposable
{
    private const int Lanes = 16;
    private readonly WindowStep step = new(dimension, 2 * window, wide ?? Vector512.IsHardwareAccelerated);
    private readonly NativeFloats means = new(2 * PaddedWidth(dimension));
    private readonly SubwordWindow subwordWindow = new(dimension, window);

    /// <summary>Floats of a row in a frame: a vector, a number, zeros up to whole cache lines.</summary>
    public static int PaddedWidth(int dimension) => (dimension + Lanes) / Lanes * Lanes;

    /// <param name="rows">The vectors of all rows of the sample, zero beyond the dimension.</param>
    /// <param name="rate">Learning rate at the sample's beginning and at its end.</param>
    /// <returns>The loss summed over pairs, and their number. A pair is a word (in CBOW, a window) with a centre and all its targets.</returns>
    public (double LossSum, long Pairs) Train(WindowSample sample, SparseRows rows, (double Start, double End) rate)
    {
        ReadOnlySpan<int> words = sample.Words, windows = sample.Windows;
        var inputs = stackalloc float*[2 * window + 1];
        var outputs = stackalloc float*[mostTargets + WindowStep.Outputs];
        var table = rows.Row(0);
        long width = rows.Width, pairs = 0;
        for (var position = 0; sample.Subwords is not null && position < Math.Min(window, words.Length); position++)
        {
            subwordWindow.Admit(position, sample.Subwords.Located(words[position]), table);
        }
        for (var centre = 0; centre < words.Length; centre++)
        {
            var count = Inputs(sample, centre, inputs, table, width);
            var at = 0;
            var targets = sample.Targets.Of(centre, words[centre], out var positives);
            foreach (var target in targets)
            {
                outputs[at++] = table + target * width;
            }
            Prefetch(sample, centre + 1, table, width);
            if (count > 0)
            {
                new Span<nint>(outputs + at, WindowStep.Outputs).Fill((nint)outputs[0]);
                var now = (float)(rate.Start + (rate.End - rate.Start) * centre / words.Length);
                pairs += mean ? TakeMean(inputs, count, outputs, at, positives, now) : Take(inputs, count, outputs, at, positives, now);
            }
            if (sample.Subwords is { } subwords && centre >= window)
            {
                subwordWindow.Retire(centre - window, subwords.Located(words[centre - window]), table);
            }
        }
        for (var position = Math.Max(0, words.Length - window); sample.Subwords is not null && position < words.Length; position++)
        {
            subwordWindow.Retire(position, sample.Subwords.Located(words[position]), table);
        }
        return (step.TakeLoss(), pairs);
    }

    public void Dispose()
    {
        step.Dispose();
        means.Dispose();
        subwordWindow.Dispose();
    }

    /// <summary>Points to the vectors of the words around a centre.</summary>
    private int Inputs(WindowSample sample, int centre, float** inputs, float* table, long width)
    {
        var (count, reach) = (0, sample.Windows[centre]);
        int first = Math.Max(0, centre - reach), last = Math.Min(sample.Count - 1, centre + reach);
        if (sample.Subwords is not { } subwords)
        {
            var rows = sample.Inputs;
            for (var position = first; position <= last; position++)
            {
                inputs[count] = table + rows[position] * width;
                count += position != centre ? 1 : 0;
            }
            return count;
        }
        if (centre + window < sample.Count)
        {
            subwordWindow.Admit(centre + window, subwords.Located(sample.Words[centre + window]), table);
        }
        for (var position = first; position <= last; position++)
        {
            inputs[count] = subwordWindow[position];
            count += position != centre ? 1 : 0;
        }
        return count;
    }

    private int Take(float** inputs, int count, float** outputs, int targets, ulong positives, float rate)
    {
        for (var start = 0; start < targets; start += WindowStep.Outputs)
        {
            step.Take(inputs, count, outputs + start, Math.Min(WindowStep.Outputs, targets - start), (int)(positives >> start), rate);
        }
        return count;
    }

    private int TakeMean(float** inputs, int count, float** outputs, int targets, ulong positives, float rate)
    {
        float* vector = means.Pointer, copy = vector + PaddedWidth(dimension);
        var only = stackalloc float*[2] { vector, vector };
        RowMean.Take(inputs, count, vector, copy, dimension);
        Take(only, 1, outputs, targets, positives, rate);
        RowMean.Move(inputs, count, vector, copy, dimension);
        return 1;
    }

    /// <summary>Fetches what the next centre word will need into the cache while this one is computed.</summary>
    private void Prefetch(WindowSample sample, int centre, float* table, long width)
    {
        if (!Sse.IsSupported || centre >= sample.Count)
        {
            return;
        }
        foreach (var target in sample.Targets.Of(centre, sample.Words[centre], out _))
        {
            Fetch(table + target * width);
        }
        if (centre + window >= sample.Count)
        {
            return;
        }
        if (sample.Subwords is not { } subwords)
        {
            Fetch(table + sample.Inputs[centre + window] * width);
            return;
        }
        foreach (var row in subwords.Located(sample.Words[centre + window]))
        {
            Fetch(table + row * width);
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
