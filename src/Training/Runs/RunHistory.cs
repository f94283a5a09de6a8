using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Training.Runs;

/// <summary>
/// The learning curve of a run: a line of JSON for each recorded step, in <c>history.jsonl</c>. Lines that come in quick succession are
/// written together. What a broken disk did not take is kept and written when it is back.
/// </summary>
public sealed class RunHistory
{
    /// <summary>Its name within a run directory.</summary>
    public const string FileName = "history.jsonl";
    private const int Points = 10_000, LongestLine = 1 << 16;

    // To open a file takes longer than a step of a small model does.
    private static readonly TimeSpan Together = TimeSpan.FromSeconds(0.2);
    private static readonly JsonSerializerOptions json = new() { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };
    private readonly string runDirectory;
    private readonly string path;
    private readonly TimeProvider time;
    private readonly long every;
    private readonly StringBuilder pending = new();
    private long upTo;
    private long? written;
    private bool whole;

    /// <summary>Never fails: what the disk refuses now is tried again with the first line.</summary>
    /// <param name="from">Where the run goes on: later lines are of a course that is now repeated, and are dropped.</param>
    /// <param name="time">Default: the system's.</param>
    public RunHistory(string runDirectory, long from, long totalSteps, TimeProvider? time = null)
    {
        (this.runDirectory, this.time, upTo) = (runDirectory, time ?? TimeProvider.System, from);
        path = Path.Combine(runDirectory, FileName);
        every = Math.Max(1, totalSteps / Points);
        try
        {
            MakeWhole();
        }
        catch (Exception error) when (error.IsStorageFault())
        {
        }
    }

    /// <summary>Records the step if it is one of about ten thousand, or says more than the usual.</summary>
    /// <param name="remarkable">The step has metrics that others have not, such as a validation: it is written at once.</param>
    public void Add(long step, Metrics metrics, bool remarkable)
    {
        if (!remarkable && !IsDue(step))
        {
            return;
        }
        var now = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());
        pending.Append(Line(new(step, metrics.Where(entry => double.IsFinite(entry.Value)).ToDictionary(), now)));
        if (remarkable || !whole || written is not { } before || time.GetElapsedTime(before) >= Together)
        {
            Flush();
        }
    }

    /// <summary>Writes what waits to be written.</summary>
    public void Flush()
    {
        written = time.GetTimestamp();
        if (pending.Length == 0)
        {
            return;
        }
        MakeWhole();
        whole = false;
        File.AppendAllText(path, pending.ToString());
        whole = true;
        pending.Clear();
    }

    /// <summary>Whether the step is one of about ten thousand: so many at equal distances, and the powers of two, as a curve falls fastest at its beginning.</summary>
    public bool IsDue(long step) => step % every == 0 || BitOperations.IsPow2(step);

    /// <summary>The points in order; lines that are not points are passed over. Read as far as they are asked for.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IEnumerable<HistoryPoint> Read(string runDirectory)
    {
        var path = Path.Combine(runDirectory, FileName);
        return Path.Exists(path) ? InOrder(Lines(path)) : [];
    }

    /// <summary>The points at the end of the file, without reading the rest.</summary>
    /// <param name="bytes">Of the file, at most.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IEnumerable<HistoryPoint> ReadEnd(string runDirectory, int bytes)
    {
        var path = Path.Combine(runDirectory, FileName);
        return Path.Exists(path) ? InOrder(FileEnd.Lines(path, bytes)) : [];
    }

    private static IEnumerable<string> Lines(string path)
    {
        using var text = new StreamReader(RegularFile.Open(path));
        foreach (var line in BoundedLines.Read(text, LongestLine))
        {
            yield return line;
        }
    }

    private static IEnumerable<HistoryPoint> InOrder(IEnumerable<string> lines)
    {
        long last = -1;
        foreach (var line in lines)
        {
            // A step may be there twice: a full disk took its line, then refused one behind it.
            if (PointOf(line) is { } point && point.Step > last)
            {
                last = point.Step;
                yield return point;
            }
        }
    }

    /// <summary><see langword="null"/>: none. A kill or a full disk cut the line off, or somebody else wrote it.</summary>
    private static HistoryPoint? PointOf(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<HistoryPoint>(line, json) is { } point && point.Metrics.Values.All(double.IsFinite) ? point : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // Rewritten beside and renamed: a kill on the way leaves the lines that were there.
    private void MakeWhole()
    {
        if (whole)
        {
            return;
        }
        Directory.CreateDirectory(runDirectory);
        var rewritten = path + ".partial";
        using (var stream = File.Create(rewritten))
        {
            foreach (var point in Read(runDirectory).TakeWhile(point => point.Step <= upTo))
            {
                stream.Write(Encoding.UTF8.GetBytes(Line(point)));
            }
            stream.Flush(flushToDisk: true);
        }
        File.Move(rewritten, path, overwrite: true);
        upTo = long.MaxValue;
        whole = true;
    }

    private static string Line(HistoryPoint point) => JsonSerializer.Serialize(point) + "\n";
}

/// <summary>The metrics of a step.</summary>
/// <param name="Time">When it was recorded; <see langword="null"/>: an earlier version did not write that down.</param>
public sealed record HistoryPoint(
    long Step, IReadOnlyDictionary<string, double> Metrics, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTimeOffset? Time = null);
