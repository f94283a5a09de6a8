using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>
/// What a shard trains on: the words that survived subsampling, each with the width of its window and its negatives, which
/// all pairs of that centre word share. A pure function of the text and the generator; reused for every shard.
/// </summary>
internal sealed class SkipGramSample(SubsamplingRule subsampling, AliasTable noise, int window, int negatives)
{
    private int[] words = [], windows = [], drawn = [];

    public int Count { get; private set; }

    public ReadOnlySpan<int> Words => words.AsSpan(0, Count);

    /// <summary>How far the window of a centre word reaches: 1 to the setting, so that near words count more.</summary>
    public ReadOnlySpan<int> Windows => windows.AsSpan(0, Count);

    /// <summary>Words that the centre word at <paramref name="position"/> is told apart from.</summary>
    public ReadOnlySpan<int> Negatives(int position) => drawn.AsSpan(position * negatives, negatives);

    public void Draw(ReadOnlySpan<int> text, ref StepRandom random)
    {
        Reserve(text.Length);
        var count = 0;
        foreach (var word in text)
        {
            if (!subsampling.Keeps(word, ref random))
            {
                continue;
            }
            words[count] = word;
            windows[count] = 1 + random.Next(window);
            foreach (ref var negative in drawn.AsSpan(count * negatives, negatives))
            {
                do
                {
                    negative = noise.Draw(ref random);
                }
                while (negative == word);
            }
            count++;
        }
        Count = count;
    }

    private void Reserve(int length)
    {
        if (words.Length < length)
        {
            words = new int[length];
            windows = new int[length];
            drawn = new int[length * negatives];
        }
    }
}
