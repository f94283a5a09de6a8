using Granary.Training.Runs;

namespace Granary.Training.Tests;

/// <summary>Nothing is deleted that Granary has not made.</summary>
public sealed class ForeignFilesTests : IDisposable
{
    private readonly BrokenDisk disk = new();

    public void Dispose() => disk.Dispose();

    [Fact]
    public void Directory_ThatNoRunHasMarked_IsLeftAsItIs()
    {
        disk.Write(1, score: 2);
        disk.Write(2);
        var leftover = Directory.CreateDirectory(Path.Combine(disk.Checkpoints, ".partial-00000008-dead-1"));
        File.Delete(Path.Combine(disk.Folder, ".granary-run"));
        disk.Store.Prune(keep: 1, upTo: 2);
        disk.Store.Sweep();
        Assert.Equal([2L, 1], disk.Store.Steps());
        Assert.True(leftover.Exists);
        File.WriteAllText(Path.Combine(disk.Checkpoints, "00000002", "run.json"), "damaged");
        Assert.Contains("no run has marked", Assert.Throws<IOException>(() => disk.Write(2)).Message);

        RunFolder.Take(disk.Folder, "points", isNew: false, TimeProvider.System).Dispose();
        disk.Write(2);
        disk.Store.Prune(keep: 1, upTo: 2);
        disk.Store.Sweep();
        Assert.Equal([2L], disk.Store.Steps());
        Assert.Empty(disk.Leftovers);
    }

    [Fact]
    public void Checkpoint_InWhichSomebodyHasPutSomething_IsKept()
    {
        for (var step = 1; step < 4; step++)
        {
            disk.Write(step, score: 4 - step);
        }
        var notes = Path.Combine(disk.Checkpoints, "00000001", "notes.txt");
        File.WriteAllText(notes, "the one of the paper");
        disk.Store.Prune(keep: 1, upTo: 3);
        Assert.Equal([3L, 1], disk.Store.Steps());

        // Even where the run needs its place.
        File.WriteAllText(Path.Combine(disk.Checkpoints, "00000001", "run.json"), "damaged");
        disk.Write(1);
        disk.Store.Sweep();
        Assert.Equal([3L, 1], disk.Store.All(damage => throw damage).Select(checkpoint => checkpoint.Manifest.Step));
        Assert.Equal("the one of the paper", File.ReadAllText(Path.Combine(disk.Checkpoints, Assert.Single(disk.Leftovers), "notes.txt")));
    }

    [Theory]
    [InlineData(".partial-thesis")]
    [InlineData(".discarded-00000003")]
    [InlineData(".discarded-ideas-of-mine")]
    [InlineData(".discarded-00000003-dead-1", true)]
    [InlineData("00000001", true)]
    public void Directory_OfAnotherForm_OrBehindALink_IsNotSweptAway(string name, bool isLink = false)
    {
        using var elsewhere = new BrokenDisk();
        Directory.CreateDirectory(disk.Checkpoints);
        var path = Path.Combine(disk.Checkpoints, name);
        File.WriteAllText(Path.Combine(elsewhere.Folder, "thesis.txt"), "years of work");
        _ = isLink ? Directory.CreateSymbolicLink(path, elsewhere.Folder) : Directory.CreateDirectory(path);
        disk.Write(2);
        disk.Write(3);
        disk.Store.Prune(keep: 1, upTo: 3);
        disk.Store.Sweep();
        Assert.True(Directory.Exists(path));
        Assert.True(File.Exists(Path.Combine(elsewhere.Folder, "thesis.txt")));
    }
}
