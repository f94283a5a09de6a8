using System.Text;
using Granary.Torch.Data.Texts;
using Granary.Torch.Data.Tokens;
using Granary.Training.Checkpoints;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using Microsoft.ML.Tokenizers;

namespace Granary.Models.Tests.Data.Tokens;

public class TokenizerTests
{
    private const string Text = "Der Mann, die Frau: 12 Äpfel's\n\n  und 😀 tabs\t.\n";
    private static readonly string[] odd = ["", " ", "\n\n\n x", "it's we'll I'D", "naïve 北京  42%", "😀😀 \t", "<|endoftext|>", new string('-', 5000)];

    public static TheoryData<string> Kinds => [TokenOptions.Characters, TokenOptions.Words, TokenOptions.Bytes, TokenOptions.BytePairs, TokenOptions.Gpt2, TokenOptions.WordPieces];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Tokenizer_FromItsAssets_IsTheSame(string kind)
    {
        var options = new TokenOptions(kind, 300, Cased: true);
        var learned = options.Learn(Text);
        var opened = options.FromAssets(name => learned.Assets[name]);
        Assert.Equal(learned.Count, opened.Count);
        Assert.Equal(learned.Encode(Text), opened.Encode(Text));
        Assert.All(odd, text => Assert.Equal(learned.Encode(text), opened.Encode(text)));
    }

    [Theory]
    [InlineData(TokenOptions.Characters)]
    [InlineData(TokenOptions.Bytes)]
    [InlineData(TokenOptions.BytePairs)]
    [InlineData(TokenOptions.Gpt2)]
    public void Text_EncodedAndDecoded_IsTheSameAndHasItsBytes(string kind)
    {
        var tokenizer = new TokenOptions(kind, 300).Learn(Text);
        foreach (var text in kind == TokenOptions.Characters ? [Text] : odd.Append(Text))
        {
            var tokens = tokenizer.Encode(text);
            Assert.Equal(text, tokenizer.Decode(tokens));
            Assert.Equal(Encoding.UTF8.GetByteCount(text), BytesOf(tokenizer, tokens));
            Assert.All(tokens, token => Assert.InRange(token, 0, tokenizer.Count - 1));
        }
    }

    [Fact]
    public void Character_ThatTheTextDoesNotHave_IsUnknown()
    {
        var tokenizer = CharacterTokens.Learn("abca");
        Assert.Equal([1, 0, 3], tokenizer.Encode("axc"));
        Assert.Equal(0, tokenizer.Unknown);
    }

    [Fact]
    public void Words_AreCutAtBlanksAndLineEnds()
    {
        var tokenizer = WordTokens.Learn("the cat  the\nthe dog\n", 3);
        Assert.Equal([1, 0, 1, 2, 1, 0, 2], tokenizer.Encode("the cat the\nthe mouse\n"));
        Assert.Equal("the <unk> the\nthe", tokenizer.Decode([1, 0, 1, 2, 1]));
        Assert.Equal(Encoding.UTF8.GetByteCount("the the\nthe\n\n"), BytesOf(tokenizer, [1, 1, 2, 1, 2, 2]));
    }

    [Fact]
    public void Merges_AreThoseOfCountingAnewEveryTime()
    {
        var random = new StepRandom(3);
        List<(int[] Symbols, long Count)> words = [];
        for (var i = 0; i < 300; i++)
        {
            var word = new int[1 + random.Next(12)];
            for (var place = 0; place < word.Length; place++)
            {
                word[place] = random.Next(5);
            }
            words.Add((word, 1 + random.Next(4)));
        }
        Assert.Equal(CountedAnew(words, 5, 60), PairMerges.Learn(words, 5, 60));
    }

    [Fact]
    public void Merges_OfPairsThatOccurOnce_AreNotMade() => Assert.Equal([(0, 1)], PairMerges.Learn([([0, 1, 2], 1), ([0, 1], 1)], 3, 10));

    [Fact]
    public void Gpt2_CutsAsMicrosoftsTokenizerDoes()
    {
        var theirs = TiktokenTokenizer.CreateForModel("gpt2");
        Assert.Equal(50257, BytePairTokens.Gpt2.Count);
        // From OpenAI's own: "Hello world" is 15496 995.
        Assert.Equal([15496, 995], BytePairTokens.Gpt2.Encode("Hello world"));
        foreach (var text in odd.Where(text => !text.Contains("endoftext", StringComparison.Ordinal)).Append(Text).Append(MadeUpLanguage.BuiltIn.WriteText(2000)))
        {
            Assert.Equal(theirs.EncodeToIds(text, considerPreTokenization: true), BytePairTokens.Gpt2.Encode(text));
        }
    }

    [Theory]
    [InlineData("unaffable", "un ##aff ##able")]
    [InlineData("UNAFFABLE, Unable!", "un ##aff ##able , un ##able [UNK]")]
    [InlineData("unaffably able", "[UNK] [UNK]")]
    public void WordPieces_AreTheLongestThatAreKnown(string text, string pieces)
    {
        using var folder = new TemporaryFolder();
        string[] vocabulary = ["[PAD]", "[UNK]", "[MASK]", "un", "##aff", "##able", "##a", ","];
        var tokenizer = WordPieceTokens.FromFile(folder.Write("vocab.txt", Encoding.UTF8.GetBytes(string.Join('\n', vocabulary))), cased: false);
        Assert.Equal(pieces, string.Join(' ', tokenizer.Encode(text).Select(token => vocabulary[token])));
    }

    [Fact]
    public void WordPieces_AreCutAsMicrosoftsTokenizerDoes()
    {
        // Theirs takes a line's end for nothing, where BERT's own takes it for a blank, and leaves accents.
        var text = MadeUpLanguage.BuiltIn.WriteText(3000).Replace('\n', ' ') + "It's naive? (North-West) 北京.";
        var ours = WordPieceTokens.Learn(text, 300, cased: false);
        Assert.Equal(300, ours.Count);
        using var vocabulary = new MemoryStream(ours.Assets["vocab.txt"]);
        var theirs = BertTokenizer.Create(vocabulary, new BertOptions { LowerCaseBeforeTokenization = true, RemoveNonSpacingMarks = true });
        Assert.Equal(theirs.EncodeToIds(text, addSpecialTokens: false), ours.Encode(text));
    }

    [Theory]
    [InlineData("un\nun\n[UNK]\n[MASK]\n", "line 2")]
    [InlineData("[UNK]\nun\n", "[MASK]")]
    [InlineData("", "[UNK]")]
    public void VocabularyFile_OfAnotherKind_IsRefused(string content, string named)
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<TrainingDataException>(() => WordPieceTokens.FromFile(folder.Write("vocab.txt", Encoding.UTF8.GetBytes(content)), cased: false));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("vocab.txt", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TokenOptions.Characters, "ba")]
    [InlineData(TokenOptions.Characters, "")]
    [InlineData(TokenOptions.BytePairs, "IQ==\nIQ==\n")]
    [InlineData(TokenOptions.BytePairs, "IQ==\n")]
    [InlineData(TokenOptions.WordPieces, "[UNK]\n")]
    public void Assets_ThatAreDamaged_AreRefused(string kind, string content)
    {
        var error = Assert.Throws<CheckpointException>(() => new TokenOptions(kind, 300).FromAssets(_ => Encoding.UTF8.GetBytes(content)));
        Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Vocabulary_WithoutRoomForBytesOrCharacters_IsRefused()
    {
        Assert.Throws<TaskSettingException>(() => new TokenOptions(TokenOptions.BytePairs, 255).Learn(Text));
        Assert.Throws<TrainingDataException>(() => new TokenOptions(TokenOptions.WordPieces, 12).Learn(Text));
    }

    private static int BytesOf(Granary.Torch.Data.Tokens.Tokenizer tokenizer, int[] tokens) => tokens.Prepend(tokenizer.Start).Zip(tokens, (before, token) => tokenizer.BytesOf(token, before)).Sum();

    private static List<(int, int)> CountedAnew(List<(int[] Symbols, long Count)> words, int first, int most)
    {
        var now = words.Select(word => (Symbols: word.Symbols.ToList(), word.Count)).ToList();
        var merges = new List<(int, int)>();
        for (var symbol = first; symbol < first + most; symbol++)
        {
            var pairs = now.SelectMany(word => word.Symbols.Zip(word.Symbols.Skip(1)).Select(pair => (pair, word.Count)));
            var best = pairs.GroupBy(pair => pair.pair, pair => pair.Count).Select(group => (Pair: group.Key, Count: group.Sum()))
                .OrderByDescending(pair => pair.Count).ThenBy(pair => pair.Pair).First();
            if (best.Count < 2)
            {
                break;
            }
            merges.Add(best.Pair);
            foreach (var (symbols, _) in now)
            {
                for (var i = 0; i + 1 < symbols.Count; i++)
                {
                    if ((symbols[i], symbols[i + 1]) == best.Pair)
                    {
                        symbols[i] = symbol;
                        symbols.RemoveAt(i + 1);
                    }
                }
            }
        }
        return merges;
    }
}
