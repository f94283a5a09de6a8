using Granary.Training.Tasks;

namespace Granary.Torch.Data.Tokens;

/// <summary>What the tokens of a text are.</summary>
/// <param name="Kind">One of those that are named here.</param>
/// <param name="Vocabulary">Most tokens, where they are learned.</param>
/// <param name="File">A vocabulary of word pieces; empty: they are learned.</param>
/// <param name="Cased">Whether word pieces keep capitals and accents.</param>
/// <param name="HowGiven">The task's settings that choose tokens which are not learned, for messages.</param>
internal sealed record TokenOptions(string Kind, int Vocabulary, string File = "", bool Cased = true, string HowGiven = "")
{
    public const string Characters = "characters", Words = "words", Bytes = "bytes", BytePairs = "bpe", Gpt2 = "gpt2", WordPieces = "pieces";

    /// <summary>The tokens that need no text to be learned from; <see langword="null"/>: they do.</summary>
    public Tokenizer? Given => Kind switch
    {
        Bytes => BytePairTokens.OnlyBytes,
        Gpt2 => BytePairTokens.Gpt2,
        WordPieces when File.Length > 0 => WordPieceTokens.FromFile(File, Cased),
        _ => null,
    };

    /// <summary>Changes when the vocabulary's file does.</summary>
    /// <exception cref="TrainingDataException">It has gone.</exception>
    public string Stamp => FileStamps.Of(File.Length > 0 ? [File] : []);

    /// <exception cref="TaskSettingException">The vocabulary is too small.</exception>
    /// <exception cref="TrainingDataException">The vocabulary's file cannot be used.</exception>
    public Tokenizer Learn(string text) => Given ?? Kind switch
    {
        Characters => CharacterTokens.Learn(text),
        Words => WordTokens.Learn(text, Vocabulary),
        BytePairs when Vocabulary < 256 => throw new TaskSettingException($"Setting 'vocabulary' cannot be {Vocabulary} with tokens={BytePairs}: the 256 bytes are tokens to begin with."),
        BytePairs => BytePairTokens.Learn(text, Vocabulary),
        _ => WordPieceTokens.Learn(text, Vocabulary, Cased),
    };

    /// <summary>Those of a model that is trained.</summary>
    public Tokenizer FromAssets(Func<string, byte[]> asset) => Kind switch
    {
        Characters => CharacterTokens.FromAssets(asset),
        Words => WordTokens.FromAssets(asset),
        BytePairs => BytePairTokens.FromAssets(asset),
        WordPieces => WordPieceTokens.FromAssets(asset, Cased),
        _ => Given!,
    };
}
