using System.Text;
using Granary.Models.Translation;
using Granary.Torch.Data.Texts;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Data;

public sealed class SentencePairsTests : IDisposable
{
    private static readonly PairOptions all = new() { MinCount = 1 };
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Folder_IsReadByExactNames()
    {
        Write("train.txt", "She runs.\t她跑。", "", "He runs.\t他跑。");
        Write("train_mini.txt", "no pair");
        Write("cmn.txt", "no pair");
        Write("Dev.TSV", "She sings.\t她唱。");
        Write("dev_mini.txt", "no pair");
        Write("test.txt", "He.\t他。");
        var pairs = SentencePairs.Load(folder.Path, all);
        Assert.Equal(["train.txt", "Dev.TSV", "test.txt"], SentencePairs.FilesAt(folder.Path).Select(Path.GetFileName));
        Assert.Equal(["她跑。", "他跑。"], pairs.Training.Select(pair => pair.Translation));
        Assert.Equal(["她唱。"], pairs.HeldOut.Select(pair => pair.Translation));
        Assert.Equal([[SentenceLanguage.Unknown]], pairs.HeldOut.Select(pair => pair.Source.Where((_, place) => place == 1).ToArray())); // sings
        Assert.Equal(["他。"], pairs.Test!.Select(pair => pair.Translation));
        Assert.Equal(("she runs.", "他跑。"), (pairs.Source.Decode(pairs.Training[0].Source), pairs.Target.Decode(pairs.Training[1].Target)));
        Assert.Equal(pairs.Target.End, pairs.Target.Count - 2);
        Assert.True(SentencePairs.HasTest(folder.Path));
    }

    [Fact]
    public void File_HasEveryTenthPairHeldOut_AndAnyTwoColumns()
    {
        var path = Write("pairs.tsv", [.. Enumerable.Range(0, 20).Select(number => $"{number}\teine zahl {number}\tone number {number}")]);
        var pairs = SentencePairs.Load(path, all with { Source = 3, Target = 2 });
        Assert.Equal(["eine zahl 9", "eine zahl 19"], pairs.HeldOut.Select(pair => pair.Translation));
        Assert.Equal(18, pairs.Training.Count);
        Assert.Null(pairs.Test);
        Assert.False(SentencePairs.HasTest(path));
        Assert.Equal("one number 0", pairs.Source.Decode(pairs.Training[0].Source));
    }

    [Fact]
    public void Words_ThatAreRareOrPairsThatAreLong_AreLeftOut()
    {
        var path = Folder("a b\tx y", "a c\tx z", "a a a a\tx");
        var pairs = SentencePairs.Load(path, new() { MinCount = 2, Longest = 3 });
        Assert.Equal(2, pairs.Training.Count);
        Assert.Equal([1, SentenceLanguage.Unknown], pairs.Training[0].Source);
        Assert.Contains("smaller min-count", Message(path, all with { MinCount = 9 }), StringComparison.Ordinal);
        Assert.Contains("None of the 3 training pairs has 1 words or fewer", Message(path, all with { Longest = 1 }), StringComparison.Ordinal);
    }

    [Fact]
    public void Data_ThatCannotBeUsed_AreRefusedWithFileLineAndColumn()
    {
        Assert.Contains("Line 2 of '", Message(Write("a.tsv", "a\tb", "only one"), all), StringComparison.Ordinal);
        Assert.Contains("nothing in column 2: it has 1 column,", Message(Write("a.tsv", "a\tb", "only one"), all), StringComparison.Ordinal);
        Assert.Contains("Line 1 of '", Message(Write("b.tsv", "\tb"), all), StringComparison.Ordinal);
        Assert.Contains("nothing in column 1: it has 2 columns", Message(Write("b.tsv", "\tb"), all), StringComparison.Ordinal);
        Assert.Contains("nothing in column 3", Message(Write("c.tsv", "a\tb\t "), all with { Target = 3 }), StringComparison.Ordinal);
        Assert.Contains("has 2 pairs of sentences, of which every tenth is to be held out: 10 at least are needed", Message(Write("c.tsv", "a\tb", "a\tb"), all), StringComparison.Ordinal);
        Assert.Contains("holds no pairs", Message(Write("d.tsv", ""), all), StringComparison.Ordinal);
        Assert.Contains("not UTF-8, in line 1", Message(folder.Write("e.tsv", [0x61, 0x09, 0xFF]), all), StringComparison.Ordinal);
        Assert.Contains("nothing at", Message(Path.Combine(folder.Path, "none"), all), StringComparison.Ordinal);
        Assert.Contains("has no train.txt or train.tsv", Message(folder.Path, all), StringComparison.Ordinal);
        Write("train.txt", "a\tb");
        Write("train.tsv", "a\tb");
        Assert.Contains("both train.txt and train.tsv", Message(folder.Path, all), StringComparison.Ordinal);
        File.Delete(Path.Combine(folder.Path, "train.tsv"));
        Write("dev.txt", "a\tb");
        Write("valid.txt", "a\tb");
        Assert.Contains("both dev.txt and valid.txt", Message(folder.Path, all), StringComparison.Ordinal);
    }

    [Fact]
    public void MadeUpPairs_ChangeWordsAndTheirOrder()
    {
        var pairs = MadeUpPairs.Write();
        Assert.InRange(pairs.Count, 4000, 8000);
        Assert.All(pairs.Take(50), pair => Assert.Equal(pair.Target, MadeUpPairs.Translate(pair.Source)));
        var (source, target) = pairs.First(pair => pair.Source.Split(' ').Length > 6);
        Assert.Equal(source.Split(' ').Length, target.Split(' ').Length);
        // The verb, which ends in n, is the last word.
        Assert.All(pairs, pair => Assert.EndsWith("n", pair.Target, StringComparison.Ordinal));
        Assert.DoesNotContain(pairs, pair => pair.Source.EndsWith('n'));
    }

    [Fact]
    public void Batch_PadsMasksAndTurnsSentencesRound()
    {
        var pairs = SentencePairs.Load(Folder("a b c\tx", "a\ty x"), all);
        using var batch = new Disposables(PairBatch.Of([.. pairs.Training], pairs, _ => true));
        var (end, begin) = (pairs.Source.End, pairs.Target.Begin);
        long[] first = [.. pairs.Training[0].Source.Select(word => (long)word)];
        Assert.Equal([first[0], first[0], first[1], end, first[2], end, end, end], batch.Value.Words_SB.data<long>().ToArray());
        var turned = batch.Value.Words_SB.flatten().index_select(0, batch.Value.Reversal_P).data<long>().ToArray();
        Assert.Equal([end, end, first[2], first[0], first[1], end, first[0], end], turned);
        Assert.Equal([6, 3], batch.Value.Last_B.data<long>().ToArray());
        Assert.Equal([false, false, false, true, false, true, true, true], batch.Value.Padding_BS.data<bool>().ToArray());
        var (x, y) = (pairs.Training[0].Target[0], pairs.Training[1].Target[0]);
        Assert.Equal([begin, begin, x, y, pairs.Target.End, x], batch.Value.Given_TB.data<long>().ToArray());
        Assert.Equal([0, 1, 2, 3, 5], batch.Value.Places_N.data<long>().ToArray());
        Assert.Equal([x, y, pairs.Target.End, x, pairs.Target.End], batch.Value.Next_N.data<long>().ToArray());
    }

    private string Write(string name, params string[] lines) => folder.Write(name, Encoding.UTF8.GetBytes(string.Join('\n', lines)));

    private string Folder(params string[] training)
    {
        Write("train.tsv", training);
        Write("dev.tsv", training[0]);
        return folder.Path;
    }

    private static string Message(string path, PairOptions options) => Assert.Throws<TrainingDataException>(() => SentencePairs.Load(path, options)).Message;

    private sealed class Disposables(PairBatch value) : IDisposable
    {
        public PairBatch Value { get; } = value;

        public void Dispose()
        {
            foreach (var tensor in new[] { Value.Words_SB, Value.Reversal_P, Value.Last_B, Value.Padding_BS, Value.Given_TB, Value.Places_N, Value.Next_N })
            {
                tensor.Dispose();
            }
        }
    }
}
