using System.Text;
using Granary.Torch.Data.Texts;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Data;

public sealed class LabelledTextsTests : IDisposable
{
    private static readonly LabelledOptions all = new(MinCount: 1, Length: 100);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("train.tsv", "a fine film\t1\nno fun\t0\n", "dev.tsv", "fun\t1\n", "test.tsv", "a film\t0\n")]
    [InlineData("train.tsv", "id\tlabel\tsentence\tby\n7\t1\ta fine film\t\n8\t0\tno fun\tme", "validation.tsv", "sentence\tlabel\nfun\t1\n", "test.tsv", "text\tlabel\r\na film\t0\r\n")]
    [InlineData("train.jsonl", "{\"text\": \"a fine film\", \"label\": 1}\n{\"label\": \"0\", \"review\": \"no fun\"}\n", "valid.jsonl", "{\"sentence\": \"fun\", \"label\": 1}\n", "test.tsv", "\ufeffa film\t0\n")]
    public void Folder_WithAFileForEachPurpose_IsReadWhole(params string[] files)
    {
        foreach (var file in files.Chunk(2))
        {
            Write(file[0], file[1]);
        }
        var texts = LabelledTexts.Load(folder.Path, all);
        Assert.Equal(["0", "1"], texts.Labels);
        Assert.Equal(["1: a fine film", "0: no fun"], Shown(texts, texts.Training));
        Assert.Equal(["1: fun"], Shown(texts, texts.Validation));
        Assert.Equal(["0: a film"], Shown(texts, texts.Test));
        Assert.Equal(3, LabelledTexts.FilesAt(folder.Path).Count);
    }

    [Fact]
    public void File_OfItsOwn_HoldsOutEveryTenthText()
    {
        var path = Write("texts.tsv", string.Concat(Enumerable.Range(0, 20).Select(number => $"w{number}\t{(number % 3 == 0 ? "yes" : "no")}\n")));
        var texts = LabelledTexts.Load(path, all);
        Assert.Equal(18, texts.Training.Count);
        Assert.Equal(["yes: <unk>", "no: <unk>"], Shown(texts, texts.Validation));
        Assert.Empty(texts.Test);
        Assert.Equal(["no", "yes"], texts.Labels);
    }

    [Fact]
    public void Folders_AsOfImdb_AreClassesIfTheTestHasThemToo()
    {
        foreach (var part in new[] { "train", "test" })
        {
            foreach (var label in part == "train" ? new[] { "neg", "pos", "unsup" } : ["neg", "pos"])
            {
                Directory.CreateDirectory(Path.Combine(folder.Path, part, label));
                for (var number = 0; number < 10; number++)
                {
                    Write(Path.Combine(part, label, $"{number}_1.txt"), $"\ufeffSo {label}!<br /><br />Yes.");
                }
            }
        }
        var texts = LabelledTexts.Load(folder.Path, all);
        Assert.Equal(["neg", "pos"], texts.Labels);
        Assert.Equal((18, 2, 20), (texts.Training.Count, texts.Validation.Count, texts.Test.Count));
        Assert.Equal("pos: so pos ! yes .", Shown(texts, texts.Test)[^1]);
    }

    [Fact]
    public void Polarity_InLatin1_IsReadAsSuch()
    {
        Write("rt-polarity.pos", string.Concat(Enumerable.Repeat("caf\u00e9 \n", 10)), Encoding.Latin1);
        Write("rt-polarity.neg", string.Concat(Enumerable.Repeat("bad \n", 10)));
        var texts = LabelledTexts.Load(folder.Path, all);
        Assert.Equal(["neg: bad", "pos: caf\u00e9"], Shown(texts, texts.Validation));
    }

    [Fact]
    public void Test_WithoutLabels_IsNone()
    {
        Write("train.tsv", "sentence\tlabel\na\t0\nb\t1\n");
        Write("dev.tsv", "sentence\tlabel\na\t0\n");
        Write("test.tsv", "index\tsentence\n0\ta\n");
        Assert.Empty(LabelledTexts.Load(folder.Path, all).Test);
    }

    [Fact]
    public void Words_RareOrBehindTheLimit_AreUnknownOrCutOff()
    {
        var texts = LabelledTexts.Load(Write("texts.jsonl", string.Concat(Enumerable.Range(0, 20).Select(number => $"{{\"text\": \"a w{number} b c\", \"label\": {number % 2}}}\n"))), new(MinCount: 2, Length: 3));
        Assert.Equal("0: a <unk> b", Shown(texts, texts.Training)[0]);
        Assert.Equal(3, texts.Vocabulary.Count);
    }

    [Theory]
    [InlineData("a\t1\nb", "Line 2 of '*' has 1 columns, not 2")]
    [InlineData("a\t1\t2", "Line 1 of '*' has 3 columns, not 2")]
    [InlineData("id\tlabel\n1\t1", "Line 1 of '*' names the columns id, label, and none is the text")]
    [InlineData("sentence\tlabel\tid\na\t \t1", "Line 2 of '*' has no label in column 2")]
    [InlineData("a\t1\nb\t1\nc\t1\nd\t1\ne\t1\nf\t1\ng\t1\nh\t1\ni\t1\nj\t1\n", "from Line 1 of '*' on, have 1 different labels ('1')")]
    [InlineData("a\t1\nb\t0\n", "2 texts to learn from and 0 to be measured on")]
    [InlineData("a\t1\nb\t0\n\t1\n", "Line 3 of '*' has no text in column 1")]
    [InlineData("sentence\tlabel\na\t1\nb\t\n", "Line 3 of '*' has no label in column 2")]
    [InlineData("caf\u00e9\t1\n", "not UTF-8", true)]
    [InlineData("\u00ef\u00bb\u00bfcaf\u00e9\t1\n", "not UTF-8", true)]
    public void Table_OfAnotherForm_IsRefusedByLineAndColumn(string content, string complaint, bool isLatin1 = false)
    {
        var path = Write("texts.tsv", content, isLatin1 ? Encoding.Latin1 : null);
        Assert.Contains(complaint.Replace("*", path, StringComparison.Ordinal), Assert.Throws<TrainingDataException>(() => LabelledTexts.Load(path, all)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"text\": \"a\"}", "Line 1 of '*' is no object with a text")]
    [InlineData("{\"text\": \"a\", \"label\": [1]}", "Line 1 of '*' is no object with a text")]
    [InlineData("[1]", "Line 1 of '*' is no object with a text")]
    [InlineData("{\"text\": \"a\", \"label\": 1}\n{\"text\": \"\\ud800\", \"label\": 1}", "Line 2 of '*' is not JSON")]
    [InlineData("{\"text", "Line 1 of '*' is not JSON")]
    [InlineData("{\"text\": \" \\u0001 \", \"label\": 1}\n{\"text\": \"a\", \"label\": 2}", "Line 1 of '*' has no words")]
    public void Objects_OfAnotherForm_AreRefusedByLine(string content, string complaint)
    {
        var path = Write("texts.jsonl", content + string.Concat(Enumerable.Repeat("\n{\"text\": \"a\", \"label\": 0}", 10)));
        Assert.Contains(complaint.Replace("*", path, StringComparison.Ordinal), Assert.Throws<TrainingDataException>(() => LabelledTexts.Load(path, all)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_WithoutTexts_OrWithTwoForOnePurpose_IsRefused()
    {
        Assert.Contains("no texts with labels", Assert.Throws<TrainingDataException>(() => LabelledTexts.FilesAt(folder.Path)).Message, StringComparison.Ordinal);
        Write("train.tsv", "");
        Write("train.jsonl", "");
        Assert.Contains("for the same purpose", Assert.Throws<TrainingDataException>(() => LabelledTexts.FilesAt(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("nothing at", Assert.Throws<TrainingDataException>(() => LabelledTexts.FilesAt(folder.Path + "x")).Message, StringComparison.Ordinal);
        Assert.Contains("neither .tsv", Assert.Throws<TrainingDataException>(() => LabelledTexts.FilesAt(Write("texts.csv", ""))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HeldOutLabel_ThatNoTrainingTextHas_IsRefusedByLine()
    {
        Write("train.tsv", "a\t0\nb\t1\n");
        Write("dev.tsv", "a\t0\na\t2\n");
        var error = Assert.Throws<TrainingDataException>(() => LabelledTexts.Load(folder.Path, all));
        Assert.Contains("Line 2 of", error.Message, StringComparison.Ordinal);
        Assert.Contains("has the label '2'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MadeUpReviews_AreHalfGoodAndTurnedByAWord()
    {
        var texts = LabelledTexts.Load(null, all);
        Assert.InRange(texts.Training.Average(text => text.Label), 0.45, 0.55);
        Assert.InRange(texts.Training.Average(text => text.Words.Count(word => texts.Words[word] == MadeUpReviews.Not)), 0.2, 0.6);
        Assert.Same(texts, LabelledTexts.Load(null, all));
    }

    private string Write(string name, string content, Encoding? encoding = null) => folder.Write(name, (encoding ?? Encoding.UTF8).GetBytes(content));

    private static List<string> Shown(LabelledTexts texts, IReadOnlyList<LabelledText> part) =>
        [.. part.Select(text => $"{texts.Labels[text.Label]}: {string.Join(' ', text.Words.Select(word => texts.Vocabulary.Words[texts.Vocabulary.Find(texts.Words[word])]))}")];
}
