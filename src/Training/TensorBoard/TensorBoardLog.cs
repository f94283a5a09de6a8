using System.Text;
using System.Text.Json;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.TensorBoard;

/// <summary>
/// What TensorBoard shows of a run, in event files within the run directory: metrics, samples, the spec, histograms of the weights. Kept
/// in memory until <see cref="Flush"/>. Whoever goes on with a run begins a file of their own; of steps that are repeated TensorBoard shows
/// the newest course alone.
/// </summary>
public sealed class TensorBoardLog
{
    /// <summary>Its name within a run directory.</summary>
    public const string Folder = "tensorboard";

    // Larger ones are no samples to look at, and TensorBoard loads all it shows into memory.
    private const long LargestSample = 1 << 22;
    private const string MarkdownSigns = @"\`*_{}[]()>#|";
    private readonly EventFile events;

    /// <param name="run">The round's, with the switches that are in force.</param>
    /// <param name="from">Where the run goes on.</param>
    /// <param name="round">The round that is kept.</param>
    public TensorBoardLog(RunSpec run, long from, long round, TimeProvider time)
    {
        var spec = new Summary();
        spec.Markdown("spec", Table(run));
        events = new(Path.Combine(run.Output, Folder), $"{Environment.MachineName}.{round}", from, spec, time);
    }

    /// <summary>Whether it is time for a <see cref="Flush"/>: about once a second while there is something to write.</summary>
    public bool IsDue => events.IsDue;

    /// <summary>Writes what was added. What the disk refuses now is kept, up to 16 MiB, and written the next time.</summary>
    /// <exception cref="IOException"/>
    /// <exception cref="UnauthorizedAccessException"/>
    public void Flush() => events.Flush();

    /// <summary>Adds the values of a step, under the metrics' names; those that are not finite are left out.</summary>
    public void AddMetrics(long step, Metrics metrics)
    {
        var summary = new Summary();
        foreach (var (name, value) in metrics)
        {
            if (double.IsFinite(value))
            {
                summary.Scalar(name, value);
            }
        }
        events.Add(step, summary);
    }

    /// <summary>
    /// Adds the texts and pictures of a step: files named <c>step-00000500.txt</c> or <c>.png</c>, with more of a name behind the number where
    /// a step has several. Those above 4 MiB are left out.
    /// </summary>
    /// <param name="step">Steps committed, as in the files' names.</param>
    /// <exception cref="IOException"/>
    /// <exception cref="UnauthorizedAccessException"/>
    public void AddSamples(long step, string folder)
    {
        var (summary, prefix) = (new Summary(), $"step-{step:D8}");
        foreach (var path in Directory.EnumerateFiles(folder, prefix + "*").Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileNameWithoutExtension(path)[prefix.Length..];
            if (name is [>= '0' and <= '9', ..])
            {
                continue; // the number goes on: another step
            }
            switch (Path.GetExtension(path))
            {
                case ".txt" when Content(path) is { } text:
                    summary.Markdown($"samples/text{name}", Preformatted(Encoding.UTF8.GetString(text)));
                    break;
                case ".png" when Content(path) is { } picture:
                    summary.Picture($"samples/picture{name}", picture);
                    break;
            }
        }
        events.Add(step, summary);
    }

    /// <summary>Adds a histogram of each tensor of the model.</summary>
    public void AddHistograms(long step, ReplicaState state)
    {
        var summary = new Summary();
        foreach (var tensor in state.Tensors.Where(tensor => tensor.Kind == StateKind.Model))
        {
            summary.Histogram($"weights/{tensor.Name}", tensor);
        }
        events.Add(step, summary);
    }

    private static byte[]? Content(string path)
    {
        using var file = RegularFile.Open(path);
        if (file.Length > LargestSample)
        {
            return null;
        }
        var content = new byte[file.Length];
        file.ReadExactly(content);
        return content;
    }

    /// <summary>Markdown that shows a text as it is.</summary>
    private static string Preformatted(string text) => "    " + text.ReplaceLineEndings("\n    ");

    private static string Table(RunSpec run)
    {
        var table = new StringBuilder("| of the spec | |\n|---|---|\n");
        using var spec = JsonDocument.Parse(run.ToJson());
        AddRows("", spec.RootElement);
        return table.ToString();

        void AddRows(string prefix, JsonElement entries)
        {
            foreach (var entry in entries.EnumerateObject())
            {
                if (entry.Value.ValueKind == JsonValueKind.Object)
                {
                    AddRows($"{prefix}{entry.Name}.", entry.Value);
                }
                else if (Cell(entry.Value) is { Length: > 0 } value)
                {
                    table.Append($"| {Escaped(prefix + entry.Name)} | {Escaped(value)} |\n");
                }
            }
        }
    }

    private static string Cell(JsonElement value) => value.ValueKind == JsonValueKind.Array ? string.Join(", ", value.EnumerateArray()) : value.ToString();

    private static string Escaped(string text) => string.Concat(text.Select(letter => letter == '<' ? "&lt;" : MarkdownSigns.Contains(letter) ? $"\\{letter}" : $"{letter}"));
}
