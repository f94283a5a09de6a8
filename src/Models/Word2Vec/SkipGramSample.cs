using Granary.Training.Frames;
using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>
/// What a shard trains on: the words that survived subsampling, each with the width of its window and its negatives, which
/// all pairs of that centre word share. A pure function of the text and the generator; reused for every shard. Input rows
/// have the words' numbers, output rows those above.
/// </summary>
internal sealed class SkipGramSample(SubsamplingRule subsampling, AliasTable noise, int vocabulary, int window, int negatives)
{
    private static readonly int Pool = int.Parse(Environment.GetEnvironmentVariable("POOL") ?? "0"), Period = int.Parse(Environment.GetEnvironmentVariable("PERIOD") ?? "1");
    private readonly int[] pool = new int[Math.Max(1, Pool)];
    private readonly RowIndex index = new(2 * vocabulary);
    private int[] inputs = [], windows = [], outputs = [];

    public int Count { get; private set; }

    /// <summary>The input row of each word.</summary>
    public ReadOnlySpan<int> Inputs => inputs.AsSpan(0, Count);

    /// <summary>How far the window of a centre word reaches: 1 to the setting, so that near words count more.</summary>
    public ReadOnlySpan<int> Windows => windows.AsSpan(0, Count);

    /// <summary>For each word, its output row and those of its negatives.</summary>
    public ReadOnlySpan<int> Outputs => outputs.AsSpan(0, Count * (1 + negatives));

    public void Draw(ReadOnlySpan<int> text, StepRandom random)
    {
        Reserve(text.Length);
        var count = 0;
        foreach (var word in text)
        {
            inputs[count] = word;
            count += subsampling.Keeps(word, ref random) ? 1 : 0;
        }
        Count = count;
        var at = 0;
        for (var position = 0; position < count; position++)
        {
            windows[position] = 1 + random.Next(window);
            var word = inputs[position];
            outputs[at++] = vocabulary + word;
            if (Pool > 0 && position % Period == 0) foreach (ref var p in pool.AsSpan()) p = noise.Draw(ref random);
            for (var i = 0; i < negatives; i++)
            {
                int negative;
                do
                {
                    negative = Pool > 0 ? pool[random.Next(Pool)] : noise.Draw(ref random);
                }
                while (negative == word);
                outputs[at++] = vocabulary + negative;
            }
        }
    }

    /// <summary>Gives the frame the numbers of all rows in use; rows are known by their positions in it from now on.</summary>
    public void Lay(SparseRows rows)
    {
        foreach (var row in Inputs)
        {
            index.Mark(row);
        }
        foreach (var row in Outputs)
        {
            index.Mark(row);
        }
        index.Lay(rows);
        index.Locate(inputs.AsSpan(0, Count));
        index.Locate(outputs.AsSpan(0, Count * (1 + negatives)));
    }

    public RowIndex Index => index;

    private void Reserve(int length)
    {
        if (windows.Length < length)
        {
            inputs = new int[length];
            windows = new int[length];
            outputs = new int[length * (1 + negatives)];
        }
    }
}
