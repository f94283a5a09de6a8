using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Granary.Torch.Data;
using Granary.Torch.Data.Texts;
using Granary.Torch.Data.Tokens;
using Granary.Torch;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Data;

public sealed class TextFilesTests : IDisposable
{
    private static readonly CorpusOptions whole = new() { HeldOutWords = 0 };
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("text8", ".names", "._text8", ".text8.Ab3xYz", "Thumbs.db", "desktop.ini", "README", "README.md", "LICENSE.txt", "text8.zip.part")]
    [InlineData("text8.zip", "titles.tsv.gz", "wordsim353.csv", "men.txt", "simlex-999.txt", "questions-words.txt")]
    [InlineData("input.txt", "input.txt~", "input.txt.bak", "train.json", "SHA256SUMS")]
    [InlineData("corpus.en")]
    public void Folder_WithOneTextAmongOtherThings_IsThatText(string text, params string[] others)
    {
        Write(text, "the text\n");
        foreach (var other in others)
        {
            folder.Write(other, [.. "not the text at all\n"u8]);
        }
        Assert.Equal([Path.Combine(folder.Path, text)], new Word2VecTask().DataFiles(folder.Path));
        Assert.Equal("the text <eos>", Words(folder.Path));
    }

    [Theory]
    [InlineData("train.txt", "valid.txt", "test.txt", ".train.txt.Ab3xYz", "train.json", "train.txt~", "._train.txt")]
    [InlineData("wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens", "README.txt", "LICENSE")]
    [InlineData("train.gz", "valid.zip", "TEST.TXT")]
    public void Folder_WithThreePartsAmongOtherThings_HasThese(string training, string validation, string test, params string[] others)
    {
        Write(training, "the training\n");
        Write(validation, "the\n");
        Write(test, "the the\n");
        foreach (var other in others)
        {
            folder.Write(other, [.. "neither of them\n"u8]);
        }
        var corpus = TextCorpus.Load(folder.Path, whole);
        Assert.Equal((3, 2, 3), (corpus.Training.Length, corpus.Validation.Length, corpus.Test.Length));
        Assert.Equal(new[] { training, validation, test }.Select(name => Path.Combine(folder.Path, name)), LearnerTask.Of<LanguageModel>().DataFiles(folder.Path));
    }

    [Theory]
    [InlineData("wiki.train.tokens", "wiki.valid.tokens")]
    [InlineData("train.gz", "valid.zip")]
    public void Folder_WithoutATest_HasTheOtherTwo(string training, string validation)
    {
        Write(training, "the training\n");
        Write(validation, "the\n");
        var corpus = TextCorpus.Load(folder.Path, whole);
        Assert.Equal((3, 2, 0), (corpus.Training.Length, corpus.Validation.Length, corpus.Test.Length));
        Assert.False(TextCorpus.HasTest(folder.Path));
        Assert.Null(TokenizedText.Load(folder.Path, new TokenOptions(TokenOptions.Characters, 0)).Test);
        Write("test.txt", "the the\n");
        Assert.True(TextCorpus.HasTest(folder.Path));
    }

    [Theory]
    [InlineData("the text", "text.txt", "other.txt")]
    [InlineData("the text", "text8", "text8.zip")]
    [InlineData("the text", "text.zip", "titles.gz")]
    [InlineData("the train text", "train.txt", "train.txt.gz", "valid.txt", "test.txt")]
    [InlineData("the test text", "a.test.txt", "b.test.txt", "train.txt", "valid.txt")]
    public void Folder_WithTwoForOnePart_IsRefusedByName(string part, string first, string second, params string[] others)
    {
        foreach (var name in others.Prepend(second).Prepend(first))
        {
            Write(name, "some text\n");
        }
        Refused(folder.Path, part, first, second);
    }

    [Fact]
    public void Archive_WithOneTextAmongOtherThings_IsThatText()
    {
        var path = Zip("text.zip", ("__MACOSX/._text8", "no"), ("README.txt", "no"), ("folder/", ""), ("folder/.DS_Store", "no"), ("folder/LICENSE", "no"), ("folder/text8", "the text\n"));
        Assert.Equal("the text <eos>", Words(path));
        Assert.Equal([path], LearnerTask.Of<LanguageModel>().DataFiles(path));
    }

    [Fact]
    public void Archive_WithThreeParts_GivesThemAsSuch()
    {
        var path = Zip("wikitext.zip", ("w/wiki.test.tokens", "the the\n"), ("w/wiki.train.tokens", "the training\n"), ("w/wiki.valid.tokens", "the\n"));
        var corpus = TextCorpus.Load(path, whole);
        Assert.Equal((3, 2, 3), (corpus.Training.Length, corpus.Validation.Length, corpus.Test.Length));
        Assert.Equal([path], LearnerTask.Of<LanguageModel>().DataFiles(path));
    }

    [Fact]
    public void Archive_WithSeveralTexts_IsRefusedByName() => Refused(Zip("text.zip", ("a.txt", "a"), ("b.txt", "b")), "a.txt", "b.txt");

    [Fact]
    public void Archive_WhoseContentWasAltered_IsRefused()
    {
        var path = Path.Combine(folder.Path, "stored.zip");
        using (var archive = ZipFile.Open(path, ZipArchiveMode.Create))
        using (var member = archive.CreateEntry("text", CompressionLevel.NoCompression).Open())
        {
            member.Write("the text"u8);
        }
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().IndexOf("the text"u8)] = (byte)'T';
        File.WriteAllBytes(path, bytes);
        Refused(path, "checksum");
    }

    [Fact]
    public void Gzip_OfSeveralMembersWithZerosBehind_IsWhole()
    {
        byte[] two = [.. TextCorpusTests.Packed([.. "the first "u8]), .. TextCorpusTests.Packed([.. "and the second"u8])];
        foreach (var zeros in new[] { 0, 1, 512, 10_000 })
        {
            Assert.Equal("the first and the second", Words(folder.Write($"{zeros}.gz", [.. two, .. new byte[zeros]])));
        }
    }

    [Fact]
    public void Gzip_CutOffAnywhereOrWithSomethingBehind_IsRefused()
    {
        var random = new Random(1);
        var first = TextCorpusTests.Packed(Encoding.ASCII.GetBytes(string.Join(' ', Enumerable.Range(0, 3_000).Select(_ => random.Next()))));
        byte[] two = [.. first, .. TextCorpusTests.Packed([.. "and the second"u8])];
        for (var length = 2; length < two.Length - 1; length += length < first.Length - 20 ? 997 : 1)
        {
            if (length != first.Length)
            {
                var path = folder.Write("cut.gz", two[..length]);
                Refused(path, "damaged");
            }
        }
        foreach (var zeros in new[] { 0, 1, 5_000, 20_000 })
        {
            Refused(folder.Write("more.gz", [.. first, .. new byte[zeros], .. "more"u8]), "damaged");
        }
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("a ")]
    [InlineData("aaaaaaaaaaaaaaaa")]
    public void Gzip_ThatUnpacksToGigabytes_IsRefusedBeforeItDoes(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize))
        {
            var block = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(text, (1 << 20) / text.Length)));
            for (var i = 0; i < 64; i++)
            {
                gzip.Write(block);
            }
        }
        var path = folder.Write("bomb.gz", packed.ToArray());
        var before = GC.GetAllocatedBytesForCurrentThread();
        Refused(path, text.Trim().Length > 1 ? "a word of more than" : UnpackedStream.Variable);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
    }

    [Fact]
    public void Text_WithByteOrderMarks_HasNoWordOfThem()
    {
        var path = folder.Write("a.txt", [.. "\uFEFFthe cat\n"u8, .. "\uFEFF\n"u8, .. "the \uFEFFcat"u8]);
        Assert.Equal("the cat <eos> <eos> the cat", Words(path));
    }

    [Fact]
    public void Text_ThatIsNotUtf8_IsRefusedByPlace()
    {
        var path = folder.Write("latin1.txt", [.. "the caf"u8, 0xE9, .. " caf"u8, 0xE8, .. " the cat\n"u8]);
        Refused(path, "byte 7 is 0xE9", "iconv");
    }

    [Fact]
    public void Text_WithAWordWithoutEnd_IsRefused() => Refused(folder.Write("one.txt", [.. "the "u8, .. Enumerable.Repeat((byte)'x', 3 << 20)]), "a word of more than", "at byte 4");

    [Fact]
    public void Text_ThatIsAPipe_IsRefusedAtOnce()
    {
        var path = Path.Combine(folder.Path, "pipe");
        Process.Start("mkfifo", path).WaitForExit();
        Refused(path, "is a pipe");
    }

    private static void Refused(string path, params string[] because)
    {
        var error = Assert.Throws<TrainingDataException>(() => TextCorpus.Load(path, whole));
        Assert.All(because.Append(path), reason => Assert.Contains(reason, error.Message, StringComparison.Ordinal));
    }

    private static string Words(string path)
    {
        var corpus = TextCorpus.Load(path, whole);
        return string.Join(' ', corpus.Training.Select(number => corpus.Vocabulary.Words[number]));
    }

    private string Zip(string name, params (string Name, string Text)[] members)
    {
        var path = Path.Combine(folder.Path, name);
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (member, text) in members)
        {
            using var stream = archive.CreateEntry(member).Open();
            stream.Write(Encoding.UTF8.GetBytes(text));
        }
        return path;
    }

    private string Write(string name, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return Path.GetExtension(name) switch
        {
            ".zip" => Zip(name, ("text", text)),
            ".gz" => folder.Write(name, TextCorpusTests.Packed(bytes)),
            _ => folder.Write(name, bytes),
        };
    }
}
