using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Training.Runs;

namespace Granary.Grains.Tests;

/// <summary>What happens to a run is written into its directory, and into no other.</summary>
public sealed class JournalWriterTests : IDisposable
{
    private readonly string directory = Path.Combine(Path.GetTempPath(), $"granary-tests-{Guid.NewGuid():N}");
    private readonly JournalWriter journal = new();
    private long last;

    public void Dispose()
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void Events_WaitForTheDirectoryToBeTheRuns()
    {
        Add(2);
        Assert.False(Directory.Exists(directory));
        RunFolder.Take(directory, "other", isNew: true, TimeProvider.System).Dispose();
        Add(1);
        Assert.False(File.Exists(Path.Combine(directory, RunJournal.FileName)));
        Directory.Delete(directory, recursive: true);

        using var folder = RunFolder.Take(directory, "run", isNew: true, TimeProvider.System);
        Add(1);
        Assert.Equal([1L, 2, 3, 4], RunJournal.Read(directory).Select(entry => entry.Id));
    }

    [Fact]
    public void Events_ThatTheDiskRefuses_AreWrittenWhenItIsBack()
    {
        using var folder = RunFolder.Take(directory, "run", isNew: true, TimeProvider.System);
        var path = Path.Combine(directory, RunJournal.FileName);
        Directory.CreateDirectory(path);
        Add(1000);
        Directory.Delete(path);
        Add(1);
        var entries = RunJournal.Read(directory);
        Assert.Equal((500, 1001), (entries.Count, entries[^1].Id));
    }

    private void Add(int count)
    {
        for (var i = 0; i < count; i++)
        {
            journal.Add(new(++last, DateTimeOffset.UnixEpoch, "Something.", new() { Spec = new() { RunId = "run", Task = "points", Output = directory } }) { Kind = EventKind.Remark });
        }
        Assert.True(SpinWait.SpinUntil(() => !journal.IsAtWork, TimeSpan.FromSeconds(10)));
    }
}
