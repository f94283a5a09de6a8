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
            for (var i = 0; i < negatives; i++)
            {
                int negative;
                do
                {
                    negative = noise.Draw(ref random);
                }
                while (negative == word);
                outputs[at++] = vocabulary + negative;
            }
        }
    }

    /// <summary>How often each row of the frame was drawn: as a word, as a centre, as a negative.</summary>
    public ReadOnlySpan<int> Drawn => index.Drawn;

    /// <summary>Gives the frame the numbers of all rows that were drawn. From now on they are known by their positions in it.</summary>
    public void Lay(SparseRows frame)
    {
        index.Count(Inputs);
        index.Count(Outputs);
        index.Lay(frame);
        index.Locate(inputs.AsSpan(0, Count));
        index.Locate(outputs.AsSpan(0, Count * (1 + negatives)));
    }

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
