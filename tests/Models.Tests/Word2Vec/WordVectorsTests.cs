using System.Runtime.InteropServices;
using System.Text;
using Granary.Models.Word2Vec;
using Granary.Torch.Data.Texts;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Word2Vec;

public class WordVectorsTests
{
    private static readonly string[] words = ["king", "man", "queen", "woman", "apple"];
    private static readonly float[] values = [3, 3, 0, 3, 0, 0, 1, 1, 1, 1, 0, 1, 0, 0.5f, -1e-9f];
    private static readonly WordVectors vectors = new(Vocabulary.Of(words, [0, 1, 2, 3, 4], unknown: false), dimension: 3, () => values);

    [Fact]
    public void Nearest_OrdersByCosineAndLeavesTheWordOut()
    {
        var nearest = vectors.Nearest([("man", 1)], count: 10);
        Assert.Equal(["king", "woman", "queen", "apple"], nearest.Select(entry => entry.Word));
        Assert.Equal(Math.Sqrt(0.5), nearest[0].Similarity, 1e-6);
    }

    [Fact]
    public void Nearest_ToASum_SolvesTheAnalogy() =>
        Assert.Equal("queen", vectors.Nearest([("man", -1), ("king", 1), ("woman", 1)], count: 1).Single().Word);

    [Fact]
    public void Solve_CountsAnswersAndLeavesUnknownWordsOut()
    {
        var (accuracy, questions) = vectors.Solve([["man", "king", "woman", "queen"], ["man", "king", "woman", "apple"], ["man", "king", "woman", "duchess"]], frequent: 30_000);
        Assert.Equal((0.5, 2), (accuracy, questions));
    }

    [Fact]
    public void Nearest_OfAnUnknownWord_NamesItAndCloseOnes()
    {
        var error = Assert.Throws<ArgumentException>(() => vectors.Nearest([("quen", 1)], count: 1));
        Assert.Contains("'quen'", error.Message);
        Assert.Contains("queen", error.Message);
        Assert.DoesNotContain("apple", error.Message);
    }

    [Fact]
    public void Export_WritesWord2VecText()
    {
        var path = Path.GetTempFileName();
        vectors.Export(path);
        Assert.Equal("5 3\nking 3 3 0\nman 3 0 0\nqueen 1 1 1\nwoman 1 0 1\napple 0 0.5 -1E-09\n", File.ReadAllText(path));
        var read = WordVectors.Read(path);
        Assert.Equal(vectors.Nearest([("man", 1)], 10), read.Nearest([("man", 1)], 10));
        File.Delete(path);
    }

    [Fact]
    public void Export_AsBytes_IsReadBackWithOrWithoutLines()
    {
        var path = Path.GetTempFileName();
        vectors.Export(path, binary: true);
        var bytes = File.ReadAllBytes(path);
        Assert.Equal([.. "5 3\nking "u8, 0, 0, 0x40, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0, 0, .. "\nman "u8], bytes[..26]);
        Assert.Equal(vectors.Nearest([("man", 1)], 10), WordVectors.Read(path).Nearest([("man", 1)], 10));
        // gensim puts nothing between a vector and the next word.
        File.WriteAllBytes(path, [.. "5 3\n"u8, .. words.Index().SelectMany(word => (byte[])[.. Encoding.UTF8.GetBytes(word.Item), (byte)' ', .. MemoryMarshal.AsBytes(values.AsSpan(3 * word.Index, 3))])]);
        Assert.Equal(vectors.Nearest([("man", 1)], 10), WordVectors.Read(path).Nearest([("man", 1)], 10));
        File.WriteAllBytes(path, bytes[..^3]);
        Assert.EndsWith("ends within word 5 of the 5 that its first line tells of. Is the file whole?", Assert.Throws<TrainingDataException>(() => WordVectors.Read(path)).Message, StringComparison.Ordinal);
        File.Delete(path);
    }

    [Theory]
    [InlineData("king 1 2\n", "two numbers")]
    [InlineData("2 3\nking 1 2 3\n", "Line 3")]
    [InlineData("1 3\nking 1 2\n", "has 2 numbers, not 3")]
    [InlineData("1 3\nking 1 2 3\nman 1 2 3\n", "Line 3")]
    [InlineData("2 1\nking 1\nking 2\n", "'king' once more")]
    [InlineData("1 1\nking x\n", "'x' where a number")]
    [InlineData("1 1\nking NaN\n", "'NaN' where a number")]
    [InlineData("2147483647 2147483647\nking 1\n", "more than there is room for")]
    [InlineData("1000000 300\nking 1\n", "more than there is room for")]
    [InlineData("-1 3\nking 1 2 3\n", "two numbers")]
    public void Read_OfADamagedFile_SaysWhere(string text, string expected)
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, text);
        Assert.Contains(expected, Assert.Throws<TrainingDataException>(() => WordVectors.Read(path)).Message);
        File.Delete(path);
    }

    [Fact]
    public void Read_OfWordsThatAreNotUtf8_SaysSo()
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, [.. "2 1\ncaf"u8, 0xE9, .. " 1\ncaf"u8, 0xE8, .. " 2\n"u8]);
        Assert.Contains("not UTF-8", Assert.Throws<TrainingDataException>(() => WordVectors.Read(path)).Message);
        File.Delete(path);
    }

    [Fact]
    public void Judge_TellsOnlyWhatTheJudgesKnow()
    {
        var verdict = vectors.Judge(new() { Benchmarks = [new("ours", [("king", "queen", 9), ("king", "man", 8), ("queen", "apple", 1), ("king", "duke", 9)]), new("strange", [("duke", "duchess", 9)])] });
        Assert.Equal(["pairs.ours", "pairs.ours.of", "spearman.ours", "pairs.strange", "pairs.strange.of"], verdict.Select(metric => metric.Key));
        Assert.Equal((3, 4, 0, 1), (verdict["pairs.ours"], verdict["pairs.ours.of"], verdict["pairs.strange"], verdict["pairs.strange.of"]));
        Assert.Equal(1, verdict["spearman.ours"], 1e-6);
    }
}
