using Granary.Tests.Fakes;
using Granary.Training.Files;
using Granary.Training.Numerics;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.TensorBoard;
using Microsoft.Extensions.Time.Testing;

namespace Granary.Training.Tests;

public sealed class TensorBoardTests : IDisposable
{
    // The smallest picture: one pixel, red, green, blue.
    private static readonly byte[] png = Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC");
    private readonly string directory = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private readonly FakeTimeProvider time = new(DateTimeOffset.FromUnixTimeSeconds(1_764_100_000));

    private RunSpec Spec => new()
    {
        RunId = "points-1",
        Output = directory,
        Task = "points",
        Steps = 10,
        Settings = new Dictionary<string, string> { ["size"] = "7", ["name"] = "a|b_<c>" },
    };

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void Checksum_OfTheKnownAnswer_IsKnown() => Assert.Equal(0xE3069283, EventFile.Checksum("123456789"u8));

    [Fact]
    public void File_BeginsWithItsVersionItsSessionAndTheSpec()
    {
        var log = Log(from: 7, round: 3);
        log.AddMetrics(8, new() { ["loss"] = 1 });
        log.Flush();
        var file = Assert.Single(EventFiles.Of(directory));
        Assert.Equal($"events.out.tfevents.1764100000.{Environment.MachineName}.3", Path.GetFileName(file));
        var events = EventFiles.Read(file).ToList();
        Assert.Equal((0, "brain.Event:2", 1_764_100_000), (events[0].Step, events[0].Version, events[0].WallTime));
        Assert.Equal((8, 1UL), (events[1].Step, events[1].Session!.Value));
        var spec = Assert.Single(events[2].Values);
        Assert.Equal((7, "spec"), (events[2].Step, spec.Tag));
        Assert.StartsWith("| of the spec | |\n|---|---|\n", spec.Markdown, StringComparison.Ordinal);
        Assert.Contains("| run\\_id | points-1 |\n", spec.Markdown, StringComparison.Ordinal);
        Assert.Contains("| settings.name | a\\|b\\_&lt;c\\> |\n", spec.Markdown, StringComparison.Ordinal);
    }

    [Fact]
    public void Metrics_KeepTheirNamesAndFiniteValues()
    {
        var log = Log();
        log.AddMetrics(3, new() { ["loss"] = 0.5, ["validation.loss"] = 0, ["ratio"] = double.NaN });
        log.AddMetrics(4, new() { ["ratio"] = double.PositiveInfinity });
        log.Flush();
        Assert.Equal([(3, "loss", 0.5f), (3, "validation.loss", 0f)], Shown().Select(entry => (entry.Step, entry.Value.Tag, entry.Value.Scalar!.Value)));
    }

    [Fact]
    public void Samples_OfAStep_AreShownByTheirNames()
    {
        var samples = Directory.CreateDirectory(Path.Combine(directory, "samples")).FullName;
        File.WriteAllText(Path.Combine(samples, "step-00000500.txt"), "once\n  upon # a\ttime");
        File.WriteAllBytes(Path.Combine(samples, "step-00000500-attention.png"), png);
        File.WriteAllText(Path.Combine(samples, "step-00000500.png"), "no picture");
        File.WriteAllText(Path.Combine(samples, "step-00000499.txt"), "earlier");
        File.WriteAllText(Path.Combine(samples, "step-000005000.txt"), "much later");
        File.WriteAllBytes(Path.Combine(samples, "step-00000500-long.txt"), new byte[(1 << 22) + 1]);
        var log = Log();
        log.AddSamples(500, samples);
        log.Flush();
        var shown = Shown().ToDictionary(entry => entry.Value.Tag, entry => entry.Value);
        Assert.Equal(["samples/picture-attention", "samples/text"], shown.Keys.Order());
        Assert.Equal("    once\n      upon # a\ttime", shown["samples/text"].Markdown);
        var picture = shown["samples/picture-attention"].Picture!.Value;
        Assert.Equal((1UL, 1UL, 3UL), (picture.Height, picture.Width, picture.Channels));
        Assert.Equal(png, picture.Png);
    }

    [Fact]
    public unsafe void Histograms_OfAModel_CountEveryFiniteWeight()
    {
        using NativeFloats spread = new(301), constant = new(4), strange = new(1);
        for (var i = 0; i < 300; i++)
        {
            spread.Span[i] = i / 10f - 1;
        }
        spread.Span[300] = float.NaN;
        constant.Span.Fill(2);
        strange.Span.Fill(float.NegativeInfinity);
        var log = Log();
        log.AddHistograms(4, new(
        [
            new("spread", [301], StateKind.Model, spread.Pointer),
            new("constant", [4], StateKind.Model, constant.Pointer),
            new("strange", [1], StateKind.Model, strange.Pointer),
            new("mean", [4], StateKind.Training, constant.Pointer),
        ]));
        log.Flush();
        var shown = Shown().ToDictionary(entry => entry.Value.Tag, entry => entry.Value.Histogram!.Value);
        Assert.Equal(["weights/constant", "weights/spread"], shown.Keys.Order());
        var one = shown["weights/constant"];
        Assert.Equal((2, 2, 4, 8, 16), (one.Min, one.Max, one.Count, one.Sum, one.SumOfSquares));
        Assert.Equal([2], one.Limits);
        Assert.Equal([4], one.Counts);
        var (min, max, count, sum, squares, limits, counts) = shown["weights/spread"];
        Assert.Equal((-1, 28.9f, 300), (min, (float)max, count));
        Assert.Equal(300 * 13.95, sum, tolerance: 1e-3);
        Assert.Equal(Enumerable.Range(0, 300).Sum(i => (i / 10.0 - 1) * (i / 10.0 - 1)), squares, tolerance: 1e-2);
        Assert.Equal(30, limits.Length);
        Assert.Equal(max, limits[^1]);
        Assert.Equal(limits.Order(), limits);
        Assert.All(counts, bucket => Assert.InRange(bucket, 9, 11));
        Assert.Equal(300, counts.Sum());
    }

    [Fact]
    public void File_OfARunThatGoesOn_HidesTheStepsThatAreRepeated()
    {
        Train(Log(), from: 0, to: 8, value: 1);
        Train(Log(from: 5, round: 2), from: 5, to: 7, value: 2);
        time.SetUtcNow(time.GetUtcNow().AddSeconds(30));
        Train(Log(from: 6, round: 3), from: 6, to: 9, value: 3);
        Assert.Equal(3, EventFiles.Of(directory).Count);
        var losses = Shown().Where(entry => entry.Value.Tag == "loss").Select(entry => (entry.Step, entry.Value.Scalar!.Value));
        Assert.Equal([(1, 1f), (2, 1f), (3, 1f), (4, 1f), (5, 1f), (6, 2f), (7, 3f), (8, 3f), (9, 3f)], losses);
    }

    [Fact]
    public void File_OfAMachineWhoseClockIsBehind_SortsBehindThoseBeforeIt()
    {
        Train(Log(), from: 0, to: 3, value: 1);
        var behind = new FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(900_000_000));
        Train(new(Spec, from: 1, round: 2, behind), from: 1, to: 2, value: 2);
        Assert.Equal([(1, 1f), (2, 2f)], Shown().Where(entry => entry.Value.Tag == "loss").Select(entry => (entry.Step, entry.Value.Scalar!.Value)));
    }

    [Fact]
    public void Events_AreWrittenOnceASecondOrWhenTheyAreMany()
    {
        var log = Log();
        Assert.False(log.IsDue);
        log.AddMetrics(1, new() { ["loss"] = 1 });
        Assert.False(log.IsDue);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(log.IsDue);
        log.Flush();
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(log.IsDue);
        log.AddMetrics(2, new() { ["loss"] = 1 });
        log.Flush();
        for (var step = 3; !log.IsDue; step++)
        {
            Assert.True(step < 100_000);
            log.AddMetrics(step, new() { ["loss"] = 1 });
        }
    }

    [Fact]
    public void File_OfADiskThatCutARecordOff_IsWholeOnceTheDiskIsBack()
    {
        var log = Log();
        Train(log, from: 0, to: 2, value: 1);
        var file = EventFiles.Of(directory).Single();
        var repair = Break(file);
        log.AddMetrics(3, new() { ["loss"] = 3 });
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(Record.Exception(log.Flush)!.IsStorageFault());
        Assert.False(log.IsDue);
        repair();
        File.AppendAllText(file, "half a record");
        log.AddMetrics(4, new() { ["loss"] = 4 });
        log.Flush();
        Assert.Equal([1f, 1f, 3f, 4f], Shown().Where(entry => entry.Value.Tag == "loss").Select(entry => entry.Value.Scalar!.Value));
    }

    [Fact]
    public void File_OnADiskThatTakesNothing_GrowsNoFurtherInMemory()
    {
        var log = Log();
        var repair = Break(Path.Combine(directory, TensorBoardLog.Folder, $"events.out.tfevents.1764100000.{Environment.MachineName}.1"));
        var samples = Directory.CreateDirectory(Path.Combine(directory, "samples")).FullName;
        File.WriteAllBytes(Path.Combine(samples, "step-00000001.txt"), new byte[1 << 22]);
        for (var i = 0; i < 9; i++)
        {
            log.AddSamples(1, samples);
            Assert.True(Record.Exception(log.Flush)!.IsStorageFault());
        }
        Assert.False(log.IsDue);
        repair();
        log.Flush();
        Assert.Equal(4, Shown().Count(entry => entry.Value.Tag == "samples/text"));
    }

    [Fact]
    public void File_ThatSomebodyDeletes_BeginsAnew()
    {
        var log = Log();
        Train(log, from: 0, to: 2, value: 1);
        Directory.Delete(Path.Combine(directory, TensorBoardLog.Folder), recursive: true);
        Train(log, from: 2, to: 3, value: 1);
        Assert.Equal(["loss"], Shown().Select(entry => entry.Value.Tag));
        Assert.Equal("brain.Event:2", EventFiles.Read(EventFiles.Of(directory).Single()).First().Version);
    }

    [Fact]
    public void Reader_OfAFileThatIsCutAnywhere_HasTheRecordsBefore()
    {
        Train(Log(), from: 0, to: 2, value: 1);
        var whole = File.ReadAllBytes(EventFiles.Of(directory).Single());
        var records = EventFiles.Records(whole).ToList();
        for (var length = 0; length < whole.Length; length++)
        {
            var read = EventFiles.Records(whole[..length]).ToList();
            Assert.Equal(records.Take(read.Count), read);
            Assert.True(read.Count < records.Count);
        }
        foreach (var place in new[] { 0, 9, 12, whole.Length - 1 })
        {
            var damaged = whole.ToArray();
            damaged[place] ^= 1;
            Assert.Throws<InvalidDataException>(() => EventFiles.Records(damaged).ToList());
        }
    }

    private TensorBoardLog Log(long from = 0, long round = 1) => new(Spec, from, round, time);

    private static void Train(TensorBoardLog log, long from, long to, double value)
    {
        for (var step = from + 1; step <= to; step++)
        {
            log.AddMetrics(step, new() { ["loss"] = value });
        }
        log.Flush();
    }

    /// <summary>What TensorBoard shows besides the spec.</summary>
    private IEnumerable<(long Step, ShownValue Value)> Shown() => EventFiles.Shown(directory).Where(entry => entry.Value.Tag != "spec");

    /// <summary>Puts a directory into the place of the file. The result puts the file back, if there was one.</summary>
    private static Action Break(string file)
    {
        var aside = file + ".aside";
        if (File.Exists(file))
        {
            File.Move(file, aside);
        }
        Directory.CreateDirectory(file);
        return () =>
        {
            Directory.Delete(file);
            if (File.Exists(aside))
            {
                File.Move(aside, file);
            }
        };
    }
}
