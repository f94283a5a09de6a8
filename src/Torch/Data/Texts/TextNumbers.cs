namespace Granary.Torch.Data.Texts;

/// <summary>Numbers the words of texts in order of first appearance.</summary>
internal sealed class TextNumbers
{
    private readonly Dictionary<string, int> numbers = [];
    private readonly List<string> words = [], split = [];

    /// <summary>The words, by number.</summary>
    public IReadOnlyList<string> Words => words;

    /// <summary>A text's words as numbers; none: there is no word in it.</summary>
    /// <param name="length">Words that are kept; the rest is cut off.</param>
    public int[] Read(string text, int length)
    {
        split.Clear();
        WordSplitter.Split(text, split);
        return [.. split.Take(length).Select(Number)];
    }

    private int Number(string word)
    {
        if (!numbers.TryGetValue(word, out var number))
        {
            numbers.Add(word, number = words.Count);
            words.Add(word);
        }
        return number;
    }
}
