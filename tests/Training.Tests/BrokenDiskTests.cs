using Granary.Training.Checkpoints;

namespace Granary.Training.Tests;

public sealed class BrokenDiskTests : IDisposable
{
    private static readonly string[] files = [CheckpointStore.ModelFile, CheckpointStore.TrainingFile, CheckpointManifest.FileName];
    private readonly BrokenDisk disk = new();

    public void Dispose() => disk.Dispose();

    [Fact]
    public void Write_OnADiskFullAtAnyByte_LeavesTheCheckpointBeforeAndSucceedsLater()
    {
        disk.Write(4);
        var size = files.Sum(file => new FileInfo(Path.Combine(disk.Write(7).Directory, file)).Length);
        Directory.Delete(disk.Store.Open(7).Directory, recursive: true);
        foreach (var free in Positions(size))
        {
            disk.Free = free;
            Assert.Throws<IOException>(() => disk.Write(8));
            Assert.Equal(4, disk.Store.Latest(damage => throw damage)!.Manifest.Step);
            Assert.Empty(disk.Leftovers);
        }
        disk.Free = size;
        disk.Write(8);
        Assert.Equal(8, disk.Store.Latest()!.Manifest.Step);
    }

    [Fact]
    public void Writer_WhileAFileIsInTheWay_ReportsAndWritesAgainLater()
    {
        using var writer = disk.Writer(keep: 3);
        Begin(writer, 1);
        var aside = disk.Checkpoints + ".aside";
        Directory.Move(disk.Checkpoints, aside);
        File.WriteAllText(disk.Checkpoints, "in the way");
        Begin(writer, 2);
        File.Delete(disk.Checkpoints);
        Directory.Move(aside, disk.Checkpoints);
        Begin(writer, 3);
        Assert.Equal([true, false, true], disk.Outcomes.Select(outcome => outcome.Written is not null));
        Assert.IsAssignableFrom<IOException>(disk.Outcomes.ElementAt(1).Failure);
        Assert.Equal([3L, 1], disk.Store.All(damage => throw damage).Select(checkpoint => checkpoint.Manifest.Step));
    }

    [Fact]
    public void Half_ThatADiskHidFromItsWriter_GoesWithTheNextCheckpoint()
    {
        using var writer = disk.Writer(keep: 3);
        Begin(writer, 1);
        var aside = disk.Checkpoints + ".aside";
        disk.Creating = _ => Directory.Move(disk.Checkpoints, aside);
        Begin(writer, 2);
        disk.Creating = _ => { };
        Directory.Move(aside, disk.Checkpoints);
        Assert.NotEmpty(disk.Leftovers);
        Begin(writer, 3);
        Assert.Empty(disk.Leftovers);
    }

    [Fact]
    public void Writer_WhoseRunDirectoryIsGone_MakesItAnew()
    {
        using var writer = disk.Writer(keep: 3);
        Begin(writer, 1);
        Directory.Delete(disk.Folder, recursive: true);
        Begin(writer, 2);
        Assert.Equal([2L], disk.Store.Steps());
    }

    [Fact]
    public void Writer_WhoseNewBestFails_KeepsTheOlderBest()
    {
        using var writer = disk.Writer(keep: 1);
        Begin(writer, 1, score: 2);
        disk.Free = 100;
        Begin(writer, 2, score: 1);
        disk.Free = long.MaxValue;
        Assert.Equal((1L, 2.0), (writer.Newest, writer.Best));
        Assert.True(disk.IsBest(writer, 1.5));
        Begin(writer, 3, score: 4);
        Begin(writer, 4, score: 3);
        Assert.Equal([4L, 1], disk.Store.Steps());
    }

    [Fact]
    public void Writer_WhoseOldCheckpointsCannotBePruned_HasWrittenAllTheSame()
    {
        using var writer = disk.Writer(keep: 1);
        Directory.CreateDirectory(Path.Combine(disk.Checkpoints, "00000001", CheckpointManifest.FileName));
        Begin(writer, 2, score: 2);
        Begin(writer, 3, score: 1);
        Assert.All(disk.Outcomes, outcome => Assert.NotNull(outcome.Written));
        Assert.Equal([3L, 2, 1], disk.Store.Steps());
    }

    [Fact]
    public void Prune_BesideLaterCheckpoints_LeavesThemAndTheNewestOfThisCourse()
    {
        foreach (var (step, score) in new[] { (1, 3.0), (2, 1.0), (3, 1.0), (4, 2.0), (9, 5.0) })
        {
            disk.Write(step, score);
        }
        disk.Store.Prune(keep: 1, upTo: 4);
        Assert.Equal([9L, 4, 2], disk.Store.Steps());
        Assert.Empty(disk.Leftovers);
    }

    [Fact]
    public void Checkpoint_OfAProcessKilledAtAnyByte_IsNotSeenAndSweptAway()
    {
        disk.Write(4);
        var contents = Contents(8);
        foreach (var position in Positions(contents.Sum(content => content.Length)))
        {
            LeaveBehind(".partial-00000008-dead-1", contents, position);
            Assert.Equal([4L], disk.Store.All(damage => throw damage).Select(checkpoint => checkpoint.Manifest.Step));
            disk.Store.Sweep();
            Assert.Empty(disk.Leftovers);
        }
        disk.Write(8);
        Assert.Equal(8, disk.Store.Latest()!.Manifest.Step);
    }

    [Fact]
    public void Checkpoint_HalfDeletedByAKilledProcess_IsNotSeenAndSweptAway()
    {
        disk.Write(4);
        var contents = Contents(3);
        for (var file = 0; file < files.Length; file++)
        {
            contents[file] = [];
            LeaveBehind(".discarded-00000003-dead-1", contents, contents.Sum(content => content.Length));
            Assert.Equal(4, Assert.Single(disk.Store.All(damage => throw damage)).Manifest.Step);
            disk.Store.Sweep();
            Assert.Empty(disk.Leftovers);
        }
    }

    [Fact]
    public void Prune_WhereADeletionOnceFailed_MakesUpForIt()
    {
        LeaveBehind(".discarded-00000003-dead-1", Contents(3), 1);
        disk.Write(4);
        disk.Store.Prune(keep: 1, upTo: 4);
        Assert.Empty(disk.Leftovers);
    }

    [Fact]
    public void Sweep_WhileThisProcessWrites_LeavesWhatItWrites()
    {
        disk.Creating = _ => disk.Store.Sweep();
        disk.Write(8);
        Assert.Equal(8, disk.Store.Latest()!.Manifest.Step);
    }

    [Fact]
    public void Write_OfAStepThatIsThereWhole_LeavesItAsItIs()
    {
        var model = disk.Write(8).ModelPath;
        File.SetLastWriteTimeUtc(model, DateTime.UnixEpoch);
        disk.Creating = path => Assert.Fail($"{path} was written.");
        Assert.Equal(model, disk.Write(8).ModelPath);
        Assert.Equal(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(model));
    }

    [Theory]
    [InlineData(CheckpointStore.ModelFile)]
    [InlineData(CheckpointStore.TrainingFile)]
    [InlineData(CheckpointManifest.FileName)]
    public void Write_OfAStepThatIsThereDamaged_ReplacesIt(string file)
    {
        File.AppendAllText(Path.Combine(disk.Write(8).Directory, file), " ");
        Assert.Null(disk.Store.Latest());
        disk.Write(8);
        Assert.Equal(8, disk.Store.Latest(damage => throw damage)!.Manifest.Step);
        Assert.Empty(disk.Leftovers);
    }

    [Fact]
    public void Write_OfAStepThatAnotherWritesMeanwhile_IsContentWithTheOthers()
    {
        var other = new CheckpointStore(disk.Folder);
        disk.Creating = path =>
        {
            if (Path.GetFileName(path) == CheckpointManifest.FileName)
            {
                File.SetLastWriteTimeUtc(other.Write(disk.StateAt(8), disk.Signed(8, 1)).ModelPath, DateTime.UnixEpoch);
            }
        };
        Assert.Equal(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(disk.Write(8).ModelPath));
        Assert.Equal(8, disk.Store.Latest(damage => throw damage)!.Manifest.Step);
        Assert.Empty(disk.Leftovers);
    }

    [Fact]
    public void Manifests_AreReadAloneAndDamagedOnesPassedOver()
    {
        File.Delete(disk.Write(2).ModelPath);
        File.AppendAllText(Path.Combine(disk.Write(3).Directory, CheckpointManifest.FileName), " ");
        disk.Write(4);
        Assert.Equal([4L, 2], disk.Store.Manifests().Select(manifest => manifest.Step));
    }

    private void Begin(CheckpointWriter writer, long step, double score = 1)
    {
        disk.Begin(writer, step, score);
        writer.Complete();
    }

    /// <summary>What the files of a checkpoint hold, in the order in which they are written.</summary>
    private byte[][] Contents(long step)
    {
        var checkpoint = disk.Write(step);
        byte[][] contents = [.. files.Select(file => File.ReadAllBytes(Path.Combine(checkpoint.Directory, file)))];
        Directory.Delete(checkpoint.Directory, recursive: true);
        return contents;
    }

    /// <summary>The first bytes of a checkpoint, as a killed process leaves them.</summary>
    private void LeaveBehind(string name, byte[][] contents, long bytes)
    {
        var folder = Directory.CreateDirectory(Path.Combine(disk.Checkpoints, name)).FullName;
        foreach (var (file, content) in files.Zip(contents))
        {
            File.WriteAllBytes(Path.Combine(folder, file), content[..(int)Math.Min(bytes, content.Length)]);
            if ((bytes -= content.Length) < 0)
            {
                return;
            }
        }
    }

    private static IEnumerable<long> Positions(long size) =>
        Enumerable.Range(0, (int)size).Where(position => position % 173 == 0 || position == size - 1).Select(position => (long)position);
}
