using System.Diagnostics;
using System.Globalization;
using CsCheck;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Fuzzing;

public class ReaderFuzzTests
{
    private const int Room = 64 << 20;
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(20);

    /// <summary>Seconds for all formats together. Default: 10. A failure tells its seed, which CsCheck_Seed repeats.</summary>
    private static int Seconds => int.TryParse(Environment.GetEnvironmentVariable("GRANARY_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 10;

    [Fact]
    public void Reader_OfAnyBytes_GivesAResultOrOneLineInBoundedTimeAndMemory()
    {
        using var folder = new TemporaryFolder();
        FuzzedFormat.Any.Sample(
            fuzzed => Check(fuzzed.Format, fuzzed.File, folder.Path),
            time: Seconds,
            threads: 1,
            print: fuzzed => $"{fuzzed.Format.FileName}: {Convert.ToHexString(fuzzed.File.AsSpan(0, Math.Min(1000, fuzzed.File.Length)))}");
    }

    /// <summary>So that what is changed gets far into the readers.</summary>
    [Fact]
    public void Reader_OfAFileThatWasNotChanged_ReadsIt()
    {
        foreach (var format in FuzzedFormat.Known.Where(format => format.FileName != CheckpointManifest.FileName || format.Finish is not null))
        {
            using var folder = new TemporaryFolder();
            folder.Write(format.FileName, format.Unchanged);
            format.Read(folder.Path);
        }
    }

    private static void Check(FuzzedFormat format, byte[] bytes, string folder)
    {
        var path = Path.Combine(folder, format.FileName);
        File.WriteAllBytes(path, bytes);
        var (started, allocated) = (Stopwatch.GetTimestamp(), GC.GetAllocatedBytesForCurrentThread());
        try
        {
            format.Read(folder);
        }
        catch (Exception error) when (error is CheckpointException or TrainingDataException)
        {
            Assert.DoesNotContain(error.Message, char.IsControl);
        }
        finally
        {
            File.Delete(path);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, bytes.Length + Room);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, patience);
    }
}
