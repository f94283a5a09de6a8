using System.Text.Json;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>The learning curve of a run: a line of JSON for each recorded step, in <c>history.jsonl</c>.</summary>
public sealed class RunHistory : IDisposable
{
    public const string FileName = "history.jsonl";
    private const int Points = 1000;
    private readonly StreamWriter writer;
    private readonly long every;

    /// <param name="from">Where the run goes on: later lines are of a course that is now repeated, and are dropped.</param>
    public RunHistory(string runDirectory, long from, long totalSteps)
    {
        every = Math.Max(1, totalSteps / Points);
        var path = Path.Combine(runDirectory, FileName);
        var kept = Read(runDirectory).TakeWhile(point => point.Step <= from).ToList();
        File.WriteAllLines(path, kept.Select(point => JsonSerializer.Serialize(point)));
        writer = new(path, append: true) { AutoFlush = true };
    }

    /// <summary>Records the step if it is one of about a thousand, or says more than the usual.</summary>
    /// <param name="remarkable">The step has metrics that others have not, such as a validation.</param>
    public void Add(long step, Metrics metrics, bool remarkable)
    {
        if (remarkable || step % every == 0)
        {
            writer.WriteLine(JsonSerializer.Serialize(new HistoryPoint(step, metrics.Where(entry => double.IsFinite(entry.Value)).ToDictionary())));
        }
    }

    public static IEnumerable<HistoryPoint> Read(string runDirectory)
    {
        var path = Path.Combine(runDirectory, FileName);
        foreach (var line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            HistoryPoint? point = null;
            try
            {
                point = JsonSerializer.Deserialize<HistoryPoint>(line);
            }
            catch (JsonException)
            {
                // The last line of a process that was killed while it wrote.
            }
            if (point is not null)
            {
                yield return point;
            }
        }
    }

    public void Dispose() => writer.Dispose();
}

/// <summary>The metrics of a step.</summary>
public sealed record HistoryPoint(long Step, IReadOnlyDictionary<string, double> Metrics);
