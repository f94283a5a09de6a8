namespace Granary.Cluster.Tests;

/// <summary>A run directory that was copied to where its data are not, or are others by now.</summary>
public sealed class CopiedRunTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Words_AreFoundWithoutTheirText()
    {
        await TrainAndMoveAsync("word2vec", "dimension=8");
        Assert.Contains("w2", await OutputAsync("nearest", In("copy"), "w1", "--count", "100"), StringComparison.Ordinal);
        Assert.Contains("w1 is to w2", await OutputAsync("analogy", In("copy"), "w1", "w2", "w4"), StringComparison.Ordinal);
        await OutputAsync("export", In("copy"), In("vectors.txt"));
        Assert.Contains(File.ReadLines(In("vectors.txt")), line => line.StartsWith("w1 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Text_IsWrittenAndMeasuredWithoutThatOfTheRun()
    {
        await TrainAndMoveAsync("lm", "hidden=8", "embedding=8", "batch=4", "valid-words=200");
        Assert.Contains("w1", await OutputAsync("generate", In("copy"), "--prompt", "w1"), StringComparison.Ordinal);

        var refused = await CommandLine.RunAsync("evaluate", In("copy"));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains($"The run's data are no longer at {In("text.txt")}.", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--data PATH", Assert.Single(refused.Error.Trim().Split('\n')), StringComparison.Ordinal);
        Assert.Contains("There are no data at ", (await CommandLine.RunAsync("evaluate", In("copy"), "--data", In("nowhere.txt"))).Error, StringComparison.Ordinal);

        WriteText("other.txt", first: 3);
        Assert.Contains("test.perplexity ", await OutputAsync("evaluate", In("copy"), "--data", In("other.txt")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Text_ThatHasChanged_IsRefusedByNameAndLeavesTheVectorsToTheirWords()
    {
        await TrainAsync("word2vec", "dimension=8", "vocabulary-size=20", "min-count=1");
        await OutputAsync("export", In("run"), In("before.txt"));
        File.WriteAllText(In("text.txt"), string.Concat(Enumerable.Repeat("zebra ", 3000)) + File.ReadAllText(In("text.txt")));
        await OutputAsync("export", In("run"), In("after.txt"));
        Assert.Equal(File.ReadAllText(In("before.txt")), File.ReadAllText(In("after.txt")));
        foreach (var command in new[] { "resume", "evaluate" })
        {
            var refused = await CommandLine.RunAsync(command, In("run"));
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains("text.txt' is not what the run began with", Assert.Single(refused.Error.Trim().Split('\n')), StringComparison.Ordinal);
        }
    }

    private static async Task<string> OutputAsync(params string[] arguments)
    {
        var result = await CommandLine.RunAsync(arguments);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        return result.Output;
    }

    private async Task TrainAsync(string task, params string[] settings)
    {
        WriteText("text.txt", first: 1);
        string[] set = [.. settings.SelectMany(setting => new[] { "--set", setting })];
        await OutputAsync(["train", task, "--data", In("text.txt"), "--steps", "5", "--out", In("run"), "--quiet", .. set]);
    }

    private async Task TrainAndMoveAsync(string task, params string[] settings)
    {
        await TrainAsync(task, settings);
        Directory.Move(In("run"), In("copy"));
        File.Delete(In("text.txt"));
    }

    private void WriteText(string name, int first) =>
        File.WriteAllText(In(name), string.Concat(Enumerable.Range(first, 4000).Select(number => $"w{number * number % 31}{(number % 10 == 0 ? '\n' : ' ')}")));

    private string In(string name) => Path.Combine(folder, name);
}
