using Granary.Training.Randomness;

namespace Granary.Models.Word2Vec;

/// <summary>
/// What the words around a centre word learn to say yes or no to so that they tell that word from all others: rows of the table of outputs.
/// </summary>
internal interface ITargets
{
    /// <summary>Most targets that a centre word has.</summary>
    int Most { get; }

    /// <summary>How many rows the table of outputs has.</summary>
    int Rows { get; }

    /// <summary>Makes room for so many centre words.</summary>
    void Reserve(int centres);

    /// <summary>Draws what is random about the targets of a centre word. Centres come in order, from 0.</summary>
    void Draw(int word, ref StepRandom random);

    /// <summary>Counts the rows of all centres.</summary>
    void Count(ReadOnlySpan<int> words, RowIndex index);

    /// <summary>From now on rows are known by their positions in the frame.</summary>
    void Locate(RowIndex index);

    /// <summary>The rows of a centre word.</summary>
    /// <param name="centre">Its place among the centres.</param>
    /// <param name="positives">A bit for each row, the first one's lowest: whether it is one to say yes to.</param>
    ReadOnlySpan<int> Of(int centre, int word, out ulong positives);
}
