using System.Text;
using Granary.Torch;
using Granary.Torch.Data.Tokens;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Data.Tokens;

public sealed class TokenizedTextTests : IDisposable
{
    private static readonly TokenOptions characters = new(TokenOptions.Characters, 0), gpt2 = new(TokenOptions.Gpt2, 0);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Text_Alone_KeepsItsLastTenthForValidation()
    {
        var text = TokenizedText.Load(Write("a.txt", "abcdefghi\nABCDEFGHI\n"), characters);
        Assert.Equal("abcdefghi\nABCDEFGH", Read(text, text.Training()));
        Assert.Equal([0, 1], Numbers(text.Validation())); // I was not in the training part
        Assert.Null(text.Test);
    }

    [Fact]
    public void Files_NamedForTheirPurpose_AreUsedWhole()
    {
        Write("train.txt", "abc");
        Write("valid.txt", "ab");
        Write("test.txt", "c");
        var text = TokenizedText.Load(folder.Path, characters);
        Assert.Equal(("abc", "ab", "c"), (Read(text, text.Training()), Read(text, text.Validation()), Read(text, text.Test!())));
        Assert.True(TokenizedText.HasTest(folder.Path));
    }

    [Fact]
    public void Split_DoesNotCutACharacterInTwo()
    {
        // Twenty code units, of which the eighteenth and the nineteenth are one character.
        var text = TokenizedText.Load(Write("a.txt", "aaaaaaaaaaaaaaaaa😀a"), characters);
        Assert.Equal((17, 2), (text.Training().Count, text.Validation().Count));
    }

    [Fact]
    public void Text_ThatIsNotUtf8_IsRefusedWithItsLine()
    {
        var error = Assert.Throws<TrainingDataException>(() => TokenizedText.Load(folder.Write("a.txt", [.. "one\ntwo\n"u8, 0xE4, .. "\n"u8]), characters));
        Assert.Contains("line 3 has the byte 0xE4", error.Message, StringComparison.Ordinal);
        Assert.Contains("is empty", Assert.Throws<TrainingDataException>(() => TokenizedText.Load(Write("b.txt", ""), characters)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Binaries_AreTokensAlready()
    {
        TokenFile.Write(Path.Combine(folder.Path, "train.bin"), [15496, 995, 50256], 2);
        TokenFile.Write(Path.Combine(folder.Path, "val.bin"), [15496, 50257], 2);
        var text = TokenizedText.Load(folder.Path, gpt2);
        Assert.Equal("Hello world<|endoftext|>", Read(text, text.Training()));
        var error = Assert.Throws<TrainingDataException>(() => Numbers(text.Validation()));
        Assert.Contains("50257", error.Message, StringComparison.Ordinal);
        Assert.Equal(["train.bin", "val.bin"], TokenizedText.FilesAt(folder.Path).Select(Path.GetFileName));
        Assert.False(TokenizedText.HasTest(folder.Path));
        string Refusal<TLearner>(string task) where TLearner : Learner => Assert.Throws<TaskSettingException>(() => LearnerTask.Of<TLearner>().CreateReplica(new() { Task = task, Shards = 1, Data = folder.Path })).Message;
        Assert.EndsWith("with --set tokens=gpt2 or tokens=bytes.", Refusal<Gpt>("gpt"), StringComparison.Ordinal);
        Assert.EndsWith("with --set tokens=pieces --set vocabulary-file=PATH.", Refusal<Bert>("bert"), StringComparison.Ordinal);
    }

    [Fact]
    public void VocabularyFile_ThatChanges_IsReadAgain()
    {
        var (text, pieces) = (Write("text.txt", "ab ab ab ab ab ab ab ab ab ab"), Write("pieces", "[UNK]\n[MASK]\na\n##b\n"));
        TokenOptions options = new(TokenOptions.WordPieces, 0, pieces);
        var (first, madeUp) = (TokenizedText.Load(text, options), TokenizedText.Load(null, options));
        Assert.Same(first, TokenizedText.Load(text, options));
        Write("pieces", "[UNK]\n[MASK]\nab\n##b\na\n");
        Assert.Equal([2, 2, 2], Numbers(TokenizedText.Load(text, options).Training())[..3]);
        Assert.NotSame(madeUp, TokenizedText.Load(null, options));
    }

    [Fact]
    public void Windows_BeginAnywhereAndFollowFromStepAndSample()
    {
        using var scope = NewDisposeScope();
        var tokens = new TokensInMemory([.. Enumerable.Range(0, 50)]);
        RandomWindows<Examples> Windows(int shards) => new(tokens, 4, 5, 7, new() { Task = "any", Shards = shards }, (starts, _) => TokenWindows.WithNext(tokens, starts, 4));
        long[] Firsts(int shards, long step) => [.. Enumerable.Range(0, shards).SelectMany(shard => Windows(shards).Of(step, shard) is { } batch ? batch.Inputs.select(1, 0).data<long>().ToArray() : [])];
        Assert.Equal(1, Windows(1).StepsPerEpoch);
        Assert.Equal(Firsts(1, 3), Firsts(3, 3));
        Assert.NotEqual(Firsts(1, 3), Firsts(1, 4));
        var firsts = Enumerable.Range(0, 200).SelectMany(step => Firsts(1, step)).ToList();
        Assert.Equal((0, 45), (firsts.Min(), firsts.Max()));
        var batch = Windows(1).Of(0, 0)!;
        Assert.True(batch.Targets.allclose(batch.Inputs + 1));
    }

    [Fact]
    public void HeldOutWindows_GoThroughTheTextOnce()
    {
        using var scope = NewDisposeScope();
        var tokens = new TokensInMemory([.. Enumerable.Range(0, 22)]);
        var windows = new OrderedWindows<Examples>(tokens, 4, 5, 2, "validation", new() { Task = "any", Shards = 1 }, (starts, _) => TokenWindows.WithNext(tokens, starts, 4));
        Assert.Equal(3, windows.StepsPerEpoch);
        Assert.Equal([0, 4, 8, 12, 16], Enumerable.Range(0, 3).SelectMany(step => windows.Of(step, 0)!.Inputs.select(1, 0).data<long>().ToArray()));
    }

    [Fact]
    public void Text_ShorterThanAWindow_IsRefused()
    {
        var error = Assert.Throws<TrainingDataException>(() => TokenWindows.Places(new TokensInMemory([1, 2, 3]), 4, "validation"));
        Assert.Contains("validation text has 3 tokens; a window needs 4", error.Message, StringComparison.Ordinal);
    }

    private string Write(string name, string text) => folder.Write(name, Encoding.UTF8.GetBytes(text));

    private static string Read(TokenizedText text, ITokens tokens) => text.Tokenizer.Decode(Numbers(tokens));

    private static int[] Numbers(ITokens tokens)
    {
        using var file = tokens as IDisposable;
        var numbers = new long[tokens.Count];
        tokens.Read(0, numbers);
        return [.. numbers.Select(number => (int)number)];
    }
}
