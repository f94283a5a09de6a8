using System.Text.Json;
using Granary.Training.Files;
using Granary.Training.Runs;

namespace Granary.Training.Tests;

public sealed class RunHistoryTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    private string Curve => Path.Combine(directory, RunHistory.FileName);

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void History_OfAProcessKilledWhileItRewrote_IsWhole()
    {
        AddTo(new(directory, from: 0, totalSteps: 10), 1, 2, 3, 4);
        var content = File.ReadAllBytes(Curve);
        for (var position = 0; position <= content.Length; position++)
        {
            File.WriteAllBytes(Curve + ".partial", content[..position]);
            _ = new RunHistory(directory, from: 4, totalSteps: 10);
            Assert.Equal([1L, 2, 3, 4], Steps());
        }
    }

    [Fact]
    public void History_OfALongRun_HasTenThousandPoints_AndItsBeginning()
    {
        var history = new RunHistory(directory, from: 0, totalSteps: 1_000_000);
        Assert.Equal([1L, 2, 4, 8, 16, 32, 64, 100, 128, 200, 256, 300, 400, 500, 512, 600], Enumerable.Range(1, 600).Select(step => (long)step).Where(history.IsDue));
    }

    [Fact]
    public void History_ThatIsRewritten_IsReplacedNotTruncated()
    {
        AddTo(new(directory, from: 0, totalSteps: 10), 1, 2, 3, 4);
        using var before = new FileStream(Curve, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        _ = new RunHistory(directory, from: 2, totalSteps: 10);
        using var reader = new StreamReader(before);
        Assert.Equal(4, reader.ReadToEnd().Count(letter => letter == '\n'));
        Assert.Equal([1L, 2], Steps());
    }

    [Fact]
    public void History_BegunOnABrokenDisk_HasAllPointsOnceTheDiskIsBack()
    {
        AddTo(new(directory, from: 0, totalSteps: 10), 1, 2, 3, 4);
        var repair = Break();
        var history = new RunHistory(directory, from: 2, totalSteps: 10);
        Assert.True(Record.Exception(() => AddTo(history, 3))!.IsStorageFault());
        repair();
        AddTo(history, 4);
        Assert.Equal([1L, 2, 3, 4], Steps());
    }

    [Fact]
    public void History_WhoseLineAFullDiskCut_HasAllPointsAndNoHalfLine()
    {
        var history = new RunHistory(directory, from: 0, totalSteps: 10);
        AddTo(history, 1, 2);
        var repair = Break();
        Assert.True(Record.Exception(() => AddTo(history, 3))!.IsStorageFault());
        repair();
        File.AppendAllText(Curve, """{"Step":3,"Met""");
        AddTo(history, 4, 5);
        Assert.Equal([1L, 2, 3, 4, 5], Steps());
        Assert.All(File.ReadAllLines(Curve), line => JsonSerializer.Deserialize<HistoryPoint>(line));
    }

    [Fact]
    public void History_WhoseDirectoryIsGone_GoesOnInANewOne()
    {
        var history = new RunHistory(directory, from: 0, totalSteps: 10);
        AddTo(history, 1, 2);
        Directory.Delete(directory, recursive: true);
        Assert.True(Record.Exception(() => AddTo(history, 3))!.IsStorageFault());
        AddTo(history, 4);
        Assert.Equal([3L, 4], Steps());
    }

    [Theory]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("""{"Step":3}""")]
    [InlineData("""{"Step":3,"Metrics":null}""")]
    [InlineData("""{"Step":-3,"Metrics":{}}""")]
    [InlineData("""{"Step":3,"Metrics":{"loss":1e999}}""")]
    [InlineData("""{"Step":3,"Metrics":{"\ud800":1}}""")]
    public void History_WithALineThatIsNoPoint_HasTheOthers(string line)
    {
        AddTo(new(directory, from: 0, totalSteps: 10), 1, 2);
        File.AppendAllText(Curve, $"{line}\n{new string('[', 100_000)}\n" + """{"Step":4,"Metrics":{"loss":4}}""");
        Assert.Equal([1L, 2, 4], Steps());
    }

    /// <summary>Puts a directory into the place of the file. The result puts the file back.</summary>
    private Action Break()
    {
        var aside = Curve + ".aside";
        File.Move(Curve, aside);
        Directory.CreateDirectory(Curve);
        return () =>
        {
            Directory.Delete(Curve);
            File.Move(aside, Curve);
        };
    }

    private static void AddTo(RunHistory history, params long[] steps)
    {
        foreach (var step in steps)
        {
            history.Add(step, new() { ["loss"] = step }, remarkable: false);
        }
        history.Flush();
    }

    private IEnumerable<long> Steps() => RunHistory.Read(directory).Select(point => point.Step);
}
