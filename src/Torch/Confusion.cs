// B samples, C classes
using System.Globalization;
using System.Text;
using System.Text.Json;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// What a classifier has taken for what, on held-out data: sums of a phase, and the accuracy and F1 that follow from them. With many classes
/// only what was right is counted.
/// </summary>
/// <param name="classes">Their names, by number.</param>
public sealed class Confusion(IReadOnlyList<string> classes)
{
    private const int MostInTable = 64;
    private const string Right = "right";
    private readonly bool isWhole = classes.Count <= MostInTable;
    private double[,]? counts;

    /// <summary>Names of the sums, for the phase.</summary>
    public IReadOnlyList<string> Sums { get; } = classes.Count > MostInTable ? [Right] : [.. from truth in Enumerable.Range(0, classes.Count) from said in Enumerable.Range(0, classes.Count) select Name(truth, said)];

    /// <summary>Adds a batch to the sums.</summary>
    /// <param name="said_B">Numbers of classes that the model has chosen.</param>
    /// <param name="labels_B">Those that are true.</param>
    public void Add(Tensor said_B, Tensor labels_B, ShardPass pass)
    {
        if (!isWhole)
        {
            pass.Add(Right, said_B.eq(labels_B).sum());
            return;
        }
        using var pairs_B = (labels_B * classes.Count + said_B).to(int64);
        foreach (var group in pairs_B.Values<long>().CountBy(pair => pair))
        {
            pass.Add(Sums[(int)group.Key], group.Value);
        }
    }

    /// <summary>Adds <c>accuracy</c> to the metrics, and <c>f1</c>: of the second class if there are two, else the mean over all classes.</summary>
    public void Report(Totals totals, Metrics metrics)
    {
        if (!isWhole)
        {
            metrics[$"{totals.Phase}.accuracy"] = totals.Mean(Right);
            return;
        }
        counts = new double[classes.Count, classes.Count];
        for (var pair = 0; pair < Sums.Count; pair++)
        {
            counts[pair / classes.Count, pair % classes.Count] = totals[Sums[pair]];
        }
        var numbers = Enumerable.Range(0, classes.Count).ToList();
        metrics[$"{totals.Phase}.accuracy"] = numbers.Sum(number => counts[number, number]) / totals.Weight;
        metrics[$"{totals.Phase}.f1"] = classes.Count == 2 ? F1(1) : numbers.Average(F1);
    }

    /// <summary>The table of what <see cref="Report"/> was last told, a line for each true class; empty: there is none.</summary>
    public override string ToString()
    {
        if (counts is null)
        {
            return "";
        }
        var (table, name, number) = (new StringBuilder(), classes.Max(entry => entry.Length), Math.Max(5, classes.Max(entry => entry.Length)));
        table.Append(CultureInfo.InvariantCulture, $"{"true \\ said".PadRight(name)}");
        for (var truth = -1; truth < classes.Count; truth++)
        {
            table.Append(truth < 0 ? "" : classes[truth].PadRight(Math.Max(name, "true \\ said".Length)));
            for (var said = 0; said < classes.Count; said++)
            {
                table.Append(' ').Append((truth < 0 ? classes[said] : counts[truth, said].ToString("0", CultureInfo.InvariantCulture)).PadLeft(number));
            }
            table.Append('\n');
        }
        return table.ToString();
    }

    /// <summary>
    /// The table of what <see cref="Report"/> was last told, as a sample for the page: a file of JSON with the names of its rows (the true classes)
    /// and columns (what the model has said). Nothing is written where only what was right is counted.
    /// </summary>
    /// <param name="folder">Of the run's samples.</param>
    public void WriteTable(string folder, long step)
    {
        if (counts is null)
        {
            return;
        }
        var rows = Enumerable.Range(0, classes.Count).Select(truth => Enumerable.Range(0, classes.Count).Select(said => counts[truth, said]));
        File.WriteAllBytes(
            Path.Combine(folder, $"confusion-{step + 1:D8}.json"),
            JsonSerializer.SerializeToUtf8Bytes(new { title = "What was taken for what", rowTitle = "true", columnTitle = "said", rows = classes, columns = classes, values = rows }));
    }

    private double F1(int of)
    {
        double hit = counts![of, of], said = 0, true_ = 0;
        for (var other = 0; other < classes.Count; other++)
        {
            (said, true_) = (said + counts[other, of], true_ + counts[of, other]);
        }
        return said + true_ > 0 ? 2 * hit / (said + true_) : 0;
    }

    private static string Name(int truth, int said) => $"confusion.{truth}.{said}";
}
