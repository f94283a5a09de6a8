using Granary.Torch.Data.Texts;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Data;

public sealed class WordSimilarityTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    [Fact]
    public void Spearman_WithTies_SharesTheirRanks()
    {
        // Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: the covariance is 4.5, the variances are 4.5 and 5.
        Assert.Equal(4.5 / Math.Sqrt(4.5 * 5), WordSimilarity.Spearman([1, 7, 7, 9], [10, 30, 20, 40]), 1e-12);
        Assert.Equal(-1, WordSimilarity.Spearman([1, 2, 3], [0.3, 0.2, 0.1]), 1e-12);
    }

    [Fact]
    public void Find_ReadsWhatIsThereAndLeavesTheRestOut()
    {
        File.WriteAllText(Path.Combine(folder, "wordsim353.csv"), "Word 1,Word 2,Human (mean)\r\nTiger,cat,7.35\r\n");
        File.WriteAllText(Path.Combine(folder, "questions-words.txt"), ": capitals\nAthens Greece Oslo Norway\n");
        var judges = WordSimilarity.Find([Path.Combine(folder, "nowhere"), folder]);
        Assert.Equal(("wordsim353", ("tiger", "cat", 7.35)), (judges.Benchmarks.Single().Name, judges.Benchmarks[0].Pairs.Single()));
        Assert.Equal(["athens", "greece", "oslo", "norway"], judges.Questions.Single());
    }

    [Fact]
    public void Find_WithALineOfAnotherKind_NamesFileAndLine()
    {
        File.WriteAllText(Path.Combine(folder, "men.txt"), "word1\tword2\tscore\nsun moon 3\n");
        var error = Assert.Throws<TrainingDataException>(() => WordSimilarity.Find([folder]));
        Assert.Contains("men.txt", error.Message);
        Assert.Contains("sun moon 3", error.Message);
    }

    [Fact]
    public void Find_OfAFileWithoutAHeader_KeepsItsFirstPair()
    {
        File.WriteAllText(Path.Combine(folder, "men.txt"), "\uFEFFsun \t moon\t3 \r\n\n cat\tdog\t 4");
        Assert.Equal([("sun", "moon", 3), ("cat", "dog", 4)], WordSimilarity.In(folder).Benchmarks.Single().Pairs);
    }

    [Theory]
    [InlineData("men.txt", "word1\tword2\tscore\n", "no pairs")]
    [InlineData("men.txt", "a\tb\t1\na\tb\tNaN\n", "NaN")]
    [InlineData("men.txt", "a\tb\t1\n\tb\t1\n", "two words and a number")]
    [InlineData("questions-words.txt", ": capitals\n", "no questions")]
    [InlineData("questions-words.txt", "Athens Greece Oslo\n", "Athens Greece Oslo")]
    public void Find_OfAFileThatTellsNothing_SaysSo(string file, string text, string because)
    {
        File.WriteAllText(Path.Combine(folder, file), text);
        var error = Assert.Throws<TrainingDataException>(() => WordSimilarity.Find([folder]));
        Assert.Contains(file, error.Message);
        Assert.Contains(because, error.Message);
    }

    [Fact]
    public void In_AFolderThatIsNotThereOrHasNone_SaysWhich()
    {
        Assert.Contains($"'{folder}' has none of wordsim353.csv", Assert.Throws<TrainingDataException>(() => WordSimilarity.In(folder)).Message);
        Assert.Contains("is no folder", Assert.Throws<TrainingDataException>(() => WordSimilarity.In(Path.Combine(folder, "nowhere"))).Message);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
