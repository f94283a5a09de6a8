using Granary.Tests.Fakes;
using Granary.Training.Checkpoints;

namespace Granary.Training.Tests;

public sealed class SlowDiskTests : IDisposable
{
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(1);
    private readonly BrokenDisk disk = new();
    private readonly TaskCompletionSource reached = new();
    private readonly ManualResetEventSlim moves = new();

    public void Dispose()
    {
        moves.Set();
        disk.Dispose();
        moves.Dispose();
    }

    [Fact]
    public async Task Writer_WhileTheDiskStands_LetsTrainingGoOnAndThenWritesTheNewest()
    {
        using var writer = await WriterThatStandsAt(step: 1, score: 1);
        await Task.Run(() =>
        {
            for (var step = 2; step <= 5; step++)
            {
                disk.Begin(writer, step, score: 1);
            }
        }).WaitAsync(patience);
        Assert.Equal([(2L, (long?)3), (3, 4), (4, 5)], disk.Outcomes.Select(outcome => (outcome.Step, outcome.PassedOverFor)));
        moves.Set();
        writer.Complete();
        Assert.Equal([1L, 5], disk.Outcomes.Where(outcome => outcome.Written is not null).Select(outcome => outcome.Step));
        Assert.Equal([5L, 1], disk.Store.Steps());
        Assert.All(disk.Store.All(), checkpoint => Assert.Equal(checkpoint.Manifest.Step, FirstWeight(checkpoint)));
    }

    [Fact]
    public async Task Writer_WhileTheBestWaits_PassesOverLesserOnesOnly()
    {
        using var writer = await WriterThatStandsAt(step: 1, score: 5);
        disk.Begin(writer, 2, score: 2);
        Assert.False(disk.IsBest(writer, 2));
        Assert.True(disk.IsBest(writer, 1.9));
        disk.Begin(writer, 3, score: 4);
        disk.Begin(writer, 4, score: 1);
        disk.Begin(writer, 5, score: 3);
        Assert.Equal([(3L, (long?)2), (2, 4), (5, 4)], disk.Outcomes.Select(outcome => (outcome.Step, outcome.PassedOverFor)));
        moves.Set();
        writer.Complete();
        Assert.Equal([4L, 1], disk.Store.Steps());
        Assert.Equal((4, 1), (writer.Newest, writer.Best));
    }

    [Fact]
    public async Task Writer_WhoseBestFailsWhileOthersWait_FallsBackToTheBestOnDisk()
    {
        disk.Write(1, score: 3);
        using var writer = await WriterThatStandsAt(step: 2, score: 1, adopted: disk.Signed(1, 3));
        Assert.False(disk.IsBest(writer, 2));
        disk.Creating = _ => throw new UnauthorizedAccessException("read-only");
        moves.Set();
        writer.Complete();
        Assert.True(disk.IsBest(writer, 2));
        Assert.Equal(3, writer.Best);
    }

    [Fact]
    public async Task Writer_Disposed_DoesNotWaitForTheDisk()
    {
        var writer = await WriterThatStandsAt(step: 1, score: 1);
        disk.Begin(writer, 2, score: 1);
        await Task.Run(writer.Dispose).WaitAsync(patience);
        moves.Set();
        writer.Complete();
        Assert.Equal([2L, 1], disk.Store.Steps());
    }

    /// <summary>A writer in the middle of a checkpoint that takes until <see cref="moves"/>.</summary>
    private async Task<CheckpointWriter> WriterThatStandsAt(long step, double score, CheckpointManifest? adopted = null)
    {
        disk.Creating = _ =>
        {
            reached.TrySetResult();
            moves.Wait();
        };
        var writer = disk.Writer(keep: 3);
        if (adopted is not null)
        {
            writer.Adopt(adopted);
        }
        disk.Begin(writer, step, score);
        await reached.Task.WaitAsync(patience);
        return writer;
    }

    private static float FirstWeight(Checkpoint checkpoint)
    {
        using var replica = new PointsTask().CreateReplica(checkpoint.Manifest.Spec);
        CheckpointStore.Load(checkpoint, replica);
        return replica.State.Tensors[0].Values[0];
    }
}
