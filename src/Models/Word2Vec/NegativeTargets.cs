using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>Negative sampling: yes to the centre word, no to some words drawn at random, which all words of its window share.</summary>
/// <param name="first">The row of the first word's output vector; the other words follow.</param>
internal sealed class NegativeTargets(AliasTable noise, int vocabulary, int negatives, int first) : ITargets
{
    private int[] rows = [];
    private int count;

    public int Most => 1 + negatives;

    public int Rows => vocabulary;

    public void Reserve(int centres)
    {
        count = 0;
        if (rows.Length < centres * Most)
        {
            rows = new int[centres * Most];
        }
    }

    public void Draw(int word, ref StepRandom random)
    {
        var at = count;
        rows[at++] = first + word;
        for (var i = 0; i < negatives; i++)
        {
            int negative;
            do
            {
                negative = noise.Draw(ref random);
            }
            while (negative == word);
            rows[at++] = first + negative;
        }
        count = at;
    }

    public void Count(ReadOnlySpan<int> words, RowIndex index) => index.Count(rows.AsSpan(0, count));

    public void Locate(RowIndex index) => index.Locate(rows.AsSpan(0, count));

    public ReadOnlySpan<int> Of(int centre, int word, out ulong positives)
    {
        positives = 1;
        return rows.AsSpan(centre * (1 + negatives), 1 + negatives);
    }
}
