using System.Collections;

namespace Granary.Training.Tasks;

/// <summary>Named numbers in the order they were first set, such as <c>loss</c>, <c>validation.perplexity</c>.</summary>
public sealed class Metrics : IEnumerable<KeyValuePair<string, double>>
{
    /// <summary>The mean loss of the step.</summary>
    public const string Loss = "loss";

    /// <summary>The weight of the step's sum: how many samples, tokens, words or images. Every step has it.</summary>
    public const string Samples = "samples";

    /// <summary>The norm of the mean gradient before clipping.</summary>
    public const string GradientNorm = "gradient.norm";

    /// <summary>The learning rate of the step.</summary>
    public const string LearningRate = "learning.rate";

    private readonly List<KeyValuePair<string, double>> entries = [];

    /// <summary>How many have a value.</summary>
    public int Count => entries.Count;

    /// <summary>The value of a metric.</summary>
    public double this[string name]
    {
        get => TryGet(name, out var value) ? value : throw new KeyNotFoundException($"No metric is named '{name}'.");
        set
        {
            for (var i = 0; i < entries.Count; i++)
            {
                if (entries[i].Key == name)
                {
                    entries[i] = new(name, value);
                    return;
                }
            }
            entries.Add(new(name, value));
        }
    }

    /// <summary>Sets a value, in a collection expression too.</summary>
    public void Add(string name, double value) => this[name] = value;

    /// <summary>Whether the metric has a value; if not, it is not a number.</summary>
    public bool TryGet(string name, out double value)
    {
        foreach (var entry in entries)
        {
            if (entry.Key == name)
            {
                value = entry.Value;
                return true;
            }
        }
        value = double.NaN;
        return false;
    }

    /// <summary>No metric has a value from now on.</summary>
    public void Clear() => entries.Clear();

    /// <summary>A copy.</summary>
    public Dictionary<string, double> ToDictionary() => new(entries);

    /// <summary>In the order in which they were first set.</summary>
    public List<KeyValuePair<string, double>>.Enumerator GetEnumerator() => entries.GetEnumerator();

    IEnumerator<KeyValuePair<string, double>> IEnumerable<KeyValuePair<string, double>>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
