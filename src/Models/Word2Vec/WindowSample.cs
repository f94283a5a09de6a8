using Granary.Training.Frames;
using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>
/// What a shard trains on: the words that survived subsampling, each with the width of its window and its targets. A pure
/// function of the text and the generator; reused for every shard.
/// </summary>
/// <param name="inputRows">How many rows the table of inputs has; those of the outputs follow.</param>
/// <param name="subwords">The rows that a word is the mean of; <see langword="null"/>: that of its own number alone.</param>
internal sealed class WindowSample(SubsamplingRule subsampling, ITargets targets, int inputRows, int window, RowLists? subwords = null)
{
    private readonly RowIndex index = new(inputRows + targets.Rows);
    private int[] words = [], inputs = [], windows = [];

    public int Count { get; private set; }

    /// <summary>The number of each word.</summary>
    public ReadOnlySpan<int> Words => words.AsSpan(0, Count);

    /// <summary>The input row of each word, where it has but one.</summary>
    public ReadOnlySpan<int> Inputs => inputs.AsSpan(0, Count);

    /// <summary>How far the window of a centre word reaches: 1 to the setting, so that near words count more.</summary>
    public ReadOnlySpan<int> Windows => windows.AsSpan(0, Count);

    public ITargets Targets => targets;

    public RowLists? Subwords => subwords;

    public void Draw(ReadOnlySpan<int> text, StepRandom random)
    {
        Reserve(text.Length);
        var count = 0;
        foreach (var word in text)
        {
            words[count] = word;
            count += subsampling.Keeps(word, ref random) ? 1 : 0;
        }
        Count = count;
        for (var position = 0; position < count; position++)
        {
            windows[position] = 1 + random.Next(window);
            targets.Draw(words[position], ref random);
        }
    }

    /// <summary>How often each row of the frame was drawn: as a word or a part of one, as a target.</summary>
    public ReadOnlySpan<int> Drawn => index.Drawn;

    /// <summary>Gives the frame the numbers of all rows that were drawn. From now on they are known by their positions in it.</summary>
    public void Lay(SparseRows frame)
    {
        if (subwords is null)
        {
            index.Count(Words);
        }
        else
        {
            subwords.Count(Words, index);
        }
        targets.Count(Words, index);
        index.Lay(frame);
        if (subwords is null)
        {
            Words.CopyTo(inputs);
            index.Locate(inputs.AsSpan(0, Count));
        }
        else
        {
            subwords.Locate(index);
        }
        targets.Locate(index);
    }

    private void Reserve(int length)
    {
        targets.Reserve(length);
        if (windows.Length < length)
        {
            words = new int[length];
            inputs = new int[length];
            windows = new int[length];
        }
    }
}
