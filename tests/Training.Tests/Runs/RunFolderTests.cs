using System.Collections.Concurrent;
using Granary.Training.Runs;
using Microsoft.Extensions.Time.Testing;

namespace Granary.Training.Tests.Runs;

public sealed class RunFolderTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Folder_TakenByTwoRunsAtOnce_IsOnes()
    {
        var taken = new ConcurrentBag<RunFolder>();
        Parallel.For(0, 8, run =>
        {
            try
            {
                taken.Add(RunFolder.Take(folder, $"run-{run}", isNew: true, time));
            }
            catch (RunFolderException)
            {
            }
        });
        Assert.Single(taken).Dispose();
    }

    [Fact]
    public void Folder_OfARunUnderWay_IsRefusedToOthersAndSharedByItsOwn()
    {
        using var first = RunFolder.Take(folder, "first", isNew: true, time);
        using var again = RunFolder.Take(folder, "first", isNew: false, time);
        Assert.Contains("Run 'first' is under way in", Assert.Throws<RunFolderException>(() => RunFolder.Take(folder, "second", isNew: true, time)).Message);
        Assert.Throws<RunFolderException>(() => RunFolder.Take(folder, "second", isNew: false, time));
    }

    [Fact]
    public void Folder_LeftByTheRunsKeeperBefore_IsItsSuccessors()
    {
        var first = RunFolder.Take(folder, "first", isNew: true, time);
        var again = RunFolder.Take(folder, "first", isNew: false, time);
        first.Dispose();
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Throws<RunFolderException>(() => RunFolder.Take(folder, "second", isNew: false, time));
        again.Dispose();
        RunFolder.Take(folder, "second", isNew: false, time).Dispose();
    }

    [Fact]
    public void Folder_OfARunThatHasEnded_IsForThoseWhoGoOnWithIt()
    {
        RunFolder.Take(folder, "nothing came of it", isNew: true, time).Dispose();
        RunFolder.Take(folder, "first", isNew: true, time).Dispose();
        Directory.CreateDirectory(Path.Combine(folder, "checkpoints"));
        Assert.Contains("is not empty", Assert.Throws<RunFolderException>(() => RunFolder.Take(folder, "second", isNew: true, time)).Message);
        using var resumed = RunFolder.Take(folder, "second", isNew: false, time);
        Assert.Throws<RunFolderException>(() => RunFolder.Take(folder, "third", isNew: false, time));
    }

    [Fact]
    public void Folder_WithSomethingElseInIt_IsNotTaken()
    {
        File.WriteAllText(Path.Combine(folder, "thesis.txt"), "years of work");
        Assert.Contains("is not empty", Assert.Throws<RunFolderException>(() => RunFolder.Take(folder, "first", isNew: true, time)).Message);
    }
}
