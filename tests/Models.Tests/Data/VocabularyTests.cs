using System.Text;
using Granary.Torch.Data.Texts;
using Granary.Training.Checkpoints;

namespace Granary.Models.Tests.Data;

public class VocabularyTests
{
    [Fact]
    public void Vocabulary_WrittenAndReadBack_IsTheSame()
    {
        var written = Vocabulary.Of(["ä", "日本", "ﬁ\u2028", "x"], [0, 1, 1, 2, 2, 2], minCount: 1);
        var file = written.ToAssets()[Vocabulary.FileName];
        Assert.Equal("<unk> 0\nﬁ\u2028 3\n日本 2\nä 1\n", Encoding.UTF8.GetString(file));
        var read = Vocabulary.FromAssets(_ => file);
        Assert.Equal(written.Words, read.Words);
        Assert.Equal(written.Counts, read.Counts);
        Assert.Equal((written.Find("日本"), written.Find("?")), (read.Find("日本"), read.Find("?")));
        Assert.Equal(file, read.ToAssets()[Vocabulary.FileName]);
    }

    [Theory]
    [InlineData("", "fewer than two words")]
    [InlineData("the 4\n", "fewer than two words")]
    [InlineData("the 4\nof 3", "ends within a line")]
    [InlineData("the 4\nof\n", "line 2 is no")]
    [InlineData("the 4\n 3\n", "line 2 is no")]
    [InlineData("the 4\n\n", "line 2 is no")]
    [InlineData("the 4\nof the 3\n", "line 2 is no")]
    [InlineData("the 4\nof\t 3\n", "line 2 is no")]
    [InlineData("the 4\nof 3\r\n", "line 2 is no")]
    [InlineData("the 4\nof -3\n", "line 2 is no")]
    [InlineData("the 4\nof 3000000000\n", "line 2 is no")]
    [InlineData("the 4\nthe 3\n", "line 2 is no new word")]
    public void Vocabulary_ThatIsDamaged_IsRefusedByLine(string text, string because) => Refused(Encoding.UTF8.GetBytes(text), because);

    [Fact]
    public void Vocabulary_WithoutTheUnknownWordThatAModelNeeds_IsRefused()
    {
        var error = Assert.Throws<CheckpointException>(() => Vocabulary.FromAssets(_ => "the 4\nof 3\n"u8.ToArray(), unknown: true));
        Assert.Contains("line 1 is not <unk>", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Vocabulary_ThatIsNoUtf8_IsRefused() => Refused([.. "the 4\ncaf"u8, 0xE9, .. " 3\n"u8], "no UTF-8");

    [Fact]
    public void Vocabulary_OfAnyBytes_IsReadOrRefused()
    {
        var random = new Random(1);
        var whole = "<unk> 12\nthe 4\nof 3\nand 2\n"u8.ToArray();
        for (var trial = 0; trial < 20_000; trial++)
        {
            var bytes = whole[..random.Next(whole.Length + 1)];
            for (var change = random.Next(4); change > 0 && bytes.Length > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }
            try
            {
                Assert.True(Vocabulary.FromAssets(_ => bytes).Count >= 2);
            }
            catch (CheckpointException refused)
            {
                Assert.DoesNotContain('\n', refused.Message);
            }
        }
    }

    private static void Refused(byte[] file, string because)
    {
        var error = Assert.Throws<CheckpointException>(() => Vocabulary.FromAssets(_ => file));
        Assert.Contains("vocabulary.txt is damaged: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(because, error.Message, StringComparison.Ordinal);
    }
}
