using Granary.Training.Files;
using Granary.Training.Runs;

namespace Granary.Training.Tests;

public sealed class RunJournalTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    private string Journal => Path.Combine(directory, RunJournal.FileName);

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void Entries_AreReadAsTheyWereWritten_OnALineEach()
    {
        Append(1, 2);
        RunJournal.Append(directory, [Entry(3) with { Message = "two\nlines" }]);
        Assert.Equal([1L, 2, 3], RunJournal.Read(directory).Select(entry => entry.Id));
        Assert.Equal(Entry(2), RunJournal.Read(directory)[1]);
        Assert.Equal("two lines", RunJournal.Last(directory)!.Message);
        Assert.Equal([2L, 3], RunJournal.Read(directory, after: 1).Select(entry => entry.Id));
    }

    [Fact]
    public void Entries_AfterALineThatWasCutOff_AreWhole()
    {
        Append(1);
        File.AppendAllText(Journal, """{"id":2,"ti""");
        Append(3);
        Assert.Equal([1L, 3], RunJournal.Read(directory).Select(entry => entry.Id));
        Assert.Equal(3, File.ReadAllLines(Journal).Length);
    }

    [Fact]
    public void Journal_ThatGrowsLong_LosesItsOlderHalf()
    {
        var message = new string('x', 300);
        for (var id = 0L; id < 10_000; id += 100)
        {
            RunJournal.Append(directory, Enumerable.Range(0, 100).Select(next => Entry(id + next) with { Message = message }));
            Assert.InRange(new FileInfo(Journal).Length, 1, RunJournal.Largest + 50_000);
        }
        var entries = RunJournal.Read(directory);
        Assert.Equal(9_999, entries[^1].Id);
        Assert.InRange(entries.Count, 1000, 4000);
        Assert.Equal(Enumerable.Range((int)entries[0].Id, entries.Count).Select(id => (long)id), entries.Select(entry => entry.Id));
    }

    [Fact]
    public void Journal_ThatIsNotThere_IsEmpty()
    {
        Assert.Empty(RunJournal.Read(directory));
        Assert.Null(RunJournal.Last(directory));
        Directory.CreateDirectory(Journal);
        Assert.True(Record.Exception(() => RunJournal.Read(directory))!.IsStorageFault());
    }

    [Theory]
    [InlineData(10, "")]
    [InlineData(3, "c|")]
    [InlineData(4, "c|")]
    [InlineData(5, "bb|c|")]
    [InlineData(100, "aaa|bb|c|")]
    public void End_OfAFile_HasWholeLinesOnly(int bytes, string lines)
    {
        File.WriteAllText(Journal, bytes == 10 ? "" : "aaa\nbb\nc\n");
        Assert.Equal(lines.Split('|'), FileEnd.Lines(Journal, bytes));
    }

    private void Append(params long[] ids) => RunJournal.Append(directory, ids.Select(Entry));

    private static JournalEntry Entry(long id) => new(id, DateTimeOffset.UnixEpoch, id, "running", "remark", $"Number {id}.");
}
