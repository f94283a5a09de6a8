using System.Collections.Frozen;
using System.Text;

namespace Granary.Torch.Data.Tokens;

/// <summary>Every character of Unicode that the training text has is a token, in their order; token 0 is any other.</summary>
internal sealed class CharacterTokens : Tokenizer
{
    private const string FileName = "characters.txt";
    private readonly Rune[] characters;
    private readonly FrozenDictionary<Rune, int> numbers;

    private CharacterTokens(IEnumerable<Rune> known)
    {
        characters = [Rune.ReplacementChar, .. known];
        numbers = characters.Index().Skip(1).ToFrozenDictionary(entry => entry.Item, entry => entry.Index);
    }

    public override int Count => characters.Length;

    public override int? Unknown => 0;

    public override int Start => numbers.GetValueOrDefault(new('\n'));

    public override IReadOnlyDictionary<string, byte[]> Assets => new Dictionary<string, byte[]> { [FileName] = Encoding.UTF8.GetBytes(string.Concat(characters.Skip(1))) };

    public static CharacterTokens Learn(string text) => new(text.EnumerateRunes().ToHashSet().Where(character => character != Rune.ReplacementChar).Order());

    public static CharacterTokens FromAssets(Func<string, byte[]> asset)
    {
        var known = TextOf(asset, FileName).EnumerateRunes().ToList();
        return known.Count > 0 && known.SequenceEqual(known.Distinct().Order()) ? new(known) : throw Damaged(FileName, "its characters are not in order, each once");
    }

    public override int[] Encode(string text)
    {
        var tokens = new int[text.Length];
        var count = 0;
        foreach (var character in text.EnumerateRunes())
        {
            tokens[count++] = numbers.GetValueOrDefault(character);
        }
        return tokens[..count];
    }

    public override string Decode(IReadOnlyList<int> tokens) => string.Concat(tokens.Select(token => characters[token]));
}
