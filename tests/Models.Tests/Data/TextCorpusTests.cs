using System.IO.Compression;
using System.Text;
using Granary.Torch.Data.Texts;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Data;

public sealed class TextCorpusTests : IDisposable
{
    private const string Text = "the cat sat on the mat\nthe dog sat on the log\n";
    private static readonly CorpusOptions whole = new() { HeldOutWords = 0 };
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("granary-text-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Vocabulary_IsOrderedByFrequencyThenFirstAppearance()
    {
        var vocabulary = TextCorpus.Load(Plain("a.txt", Text), whole).Vocabulary;
        Assert.Equal(["<unk>", "the", "<eos>", "sat", "on", "cat", "mat", "dog", "log"], vocabulary.Words);
        Assert.Equal([0, 4, 2, 2, 2, 1, 1, 1, 1], vocabulary.Counts);
    }

    [Fact]
    public void Vocabulary_OfLimitedSize_TakesTheRestForUnknown()
    {
        var corpus = TextCorpus.Load(Plain("a.txt", Text), whole with { VocabularySize = 3 });
        Assert.Equal(["<unk>", "the", "<eos>"], corpus.Vocabulary.Words);
        Assert.Equal([1, 0, 0, 0, 1, 0, 2, 1, 0, 0, 0, 1, 0, 2], corpus.Training);
        Assert.Equal(8, corpus.Vocabulary.Counts[0]);
        Assert.Equal(0, corpus.Vocabulary.Find("cat"));
    }

    [Fact]
    public void Vocabulary_WithoutUnknown_LeavesRareWordsOut()
    {
        var corpus = TextCorpus.Load(Plain("a.txt", Text), whole with { MinCount = 2, Unknown = false });
        Assert.Equal(["the", "<eos>", "sat", "on"], corpus.Vocabulary.Words);
        Assert.Equal([0, 2, 3, 0, 1, 0, 2, 3, 0, 1], corpus.Training);
        Assert.Equal(-1, corpus.Vocabulary.Find("cat"));
    }

    [Fact]
    public void Text_WithUnknownWordsOfItsOwn_CountsThemAsUnknown()
    {
        var corpus = TextCorpus.Load(Plain("a.txt", "a <unk> a <unk> <unk>"), whole);
        Assert.Equal(["<unk>", "a"], corpus.Vocabulary.Words);
        Assert.Equal([1, 0, 1, 0, 0], corpus.Training);
        Assert.Equal(3, corpus.Vocabulary.Counts[0]);
    }

    [Theory]
    [InlineData("plain.txt")]
    [InlineData("packed.gz")]
    [InlineData("packed.zip")]
    public void Text_PlainOrPacked_IsTheSame(string name)
    {
        var corpus = TextCorpus.Load(Write(name, Text), whole);
        Assert.Equal("the cat sat on the mat <eos> the dog sat on the log <eos>", Words(corpus, corpus.Training));
    }

    [Theory]
    [InlineData("train.txt", "valid.txt", "test.txt")]
    [InlineData("wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens")]
    public void Folder_WithThreeParts_GivesThemAsSuch(string training, string validation, string test)
    {
        Plain(training, Text);
        Plain(validation, "the cow\n");
        Plain(test, "the dog");
        var corpus = TextCorpus.Load(folder.FullName, new());
        Assert.Equal(14, corpus.Training.Length);
        Assert.Equal("the <unk> <eos>", Words(corpus, corpus.Validation));
        Assert.Equal("the dog", Words(corpus, corpus.Test));
    }

    [Fact]
    public void Text_InOneFile_IsSplitAfterTheTrainingWords()
    {
        var path = Plain("a.txt", string.Join(' ', Enumerable.Range(0, 100)));
        var corpus = TextCorpus.Load(path, new() { TrainingWords = 50, HeldOutWords = 5 });
        Assert.Equal(50, corpus.Training.Length);
        Assert.Equal((51, 5, 5), (corpus.Vocabulary.Count, corpus.Validation.Length, corpus.Test.Length));

        corpus = TextCorpus.Load(path, new() { HeldOutWords = 30 });
        Assert.Equal((80, 10, 10), (corpus.Training.Length, corpus.Validation.Length, corpus.Test.Length));
    }

    [Fact]
    public void Text_LongerThanABuffer_LosesNoWordAtItsBorders()
    {
        var words = Enumerable.Range(0, 100_000).Select(number => number % 977 == 0 ? new string('x', 300_000 / (number + 1) + 1) : $"w{number * 7919 % 100_003}").ToArray();
        var corpus = TextCorpus.Load(Write("long.zip", string.Join("  ", words)), whole);
        Assert.Equal(words, corpus.Training.Select(number => corpus.Vocabulary.Words[number]));
    }

    [Fact]
    public void Text_ThatChangesWithinASecond_IsReadAgain()
    {
        var path = Plain("a.txt", Text);
        var first = TextCorpus.Load(path, whole);
        var time = File.GetLastWriteTimeUtc(path);
        File.AppendAllText(path, "the cow\n");
        File.SetLastWriteTimeUtc(path, time);
        Assert.Equal(first.Training.Length + 3, TextCorpus.Load(path, whole).Training.Length);
    }

    [Fact]
    public void Replicas_OfOneProcess_ShareTheText()
    {
        var path = Plain("a.txt", Text);
        var corpora = new TextCorpus[8];
        Parallel.For(0, corpora.Length, i => corpora[i] = TextCorpus.Load(path, whole with { MinCount = 2 }));
        Assert.All(corpora, corpus => Assert.Same(corpora[0], corpus));
        Assert.NotSame(corpora[0], TextCorpus.Load(path, whole));
    }

    [Theory]
    [InlineData("train.txt")]
    [InlineData("valid.txt")]
    [InlineData("test.txt")]
    public void Replicas_AfterAPartHasChanged_ReadItAnew(string changed)
    {
        foreach (var part in new[] { "train.txt", "valid.txt", "test.txt" })
        {
            Plain(part, Text);
        }
        var before = TextCorpus.Load(folder.FullName, whole);
        Plain(changed, Text + "the cow\n");
        var after = TextCorpus.Load(folder.FullName, whole);
        Assert.Equal(3 + Total(before), Total(after));
        // Of the same length, and written a moment later.
        Plain(changed, Text + "the cat\n");
        File.SetLastWriteTimeUtc(Path.Combine(folder.FullName, changed), DateTime.UtcNow.AddMinutes(1));
        Assert.NotSame(after, TextCorpus.Load(folder.FullName, whole));

        static int Total(TextCorpus corpus) => corpus.Training.Length + corpus.Validation.Length + corpus.Test.Length;
    }

    [Fact]
    public void Text_InTheWordsOfAModel_HasItsNumbers()
    {
        var vocabulary = TextCorpus.Load(Plain("a.txt", Text), whole with { VocabularySize = 3 }).Vocabulary;
        var other = TextCorpus.Load(Plain("b.txt", "zebra zebra zebra the zebra\n"), whole with { VocabularySize = 3 }, vocabulary);
        Assert.Same(vocabulary, other.Vocabulary);
        Assert.Equal([0, 0, 0, 1, 0, 2], other.Training);
    }

    [Fact]
    public void Data_Missing_AreNamed() => Refused(Path.Combine(folder.FullName, "nowhere.zip"), "nothing at", "nowhere.zip");

    [Theory]
    [InlineData("cut.zip")]
    [InlineData("cut.gz")]
    public void Data_Truncated_AreRefused(string name)
    {
        var random = new Random(1);
        var path = Write(name, string.Join(' ', Enumerable.Range(0, 50_000).Select(_ => random.Next())));
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        Refused(path, "truncated", name);
    }

    [Fact]
    public void Data_OfAnotherKind_AreRefused()
    {
        var path = Path.Combine(folder.FullName, "images-idx3-ubyte.gz");
        File.WriteAllBytes(path, Packed([0, 0, 8, 3, 0, 0, 234, 96, 0, 0, 0, 28, 0, 0, 0, 28, 0, 0, 7]));
        Refused(path, "no text");
    }

    [Fact]
    public void Data_WithoutWords_AreRefused() => Refused(Plain("blank.txt", "  "), "no words");

    [Fact]
    public void Folder_WithoutItsTrainingPart_IsRefused()
    {
        Plain("valid.txt", Text);
        Plain("test.txt", Text);
        Refused(folder.FullName, "lacks", "train.txt");
    }

    private static void Refused(string path, params string[] because)
    {
        var error = Assert.Throws<TrainingDataException>(() => TextCorpus.Load(path, whole));
        Assert.All(because.Append(path), reason => Assert.Contains(reason, error.Message, StringComparison.Ordinal));
    }

    private static string Words(TextCorpus corpus, int[] text) => string.Join(' ', text.Select(number => corpus.Vocabulary.Words[number]));

    internal static byte[] Packed(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }
        return memory.ToArray();
    }

    private string Plain(string name, string text)
    {
        var path = Path.Combine(folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(folder.FullName, name);
        var bytes = Encoding.UTF8.GetBytes(text);
        switch (Path.GetExtension(name))
        {
            case ".zip":
                using (var archive = ZipFile.Open(path, ZipArchiveMode.Create))
                using (var member = archive.CreateEntry("text").Open())
                {
                    member.Write(bytes);
                }
                break;
            case ".gz":
                File.WriteAllBytes(path, Packed(bytes));
                break;
            default:
                File.WriteAllBytes(path, bytes);
                break;
        }
        return path;
    }
}
