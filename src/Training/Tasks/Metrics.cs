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

    public int Count => entries.Count;

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

    public void Add(string name, double value) => this[name] = value;

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

    public void Clear() => entries.Clear();

    public Dictionary<string, double> ToDictionary() => new(entries);

    public List<KeyValuePair<string, double>>.Enumerator GetEnumerator() => entries.GetEnumerator();

    IEnumerator<KeyValuePair<string, double>> IEnumerable<KeyValuePair<string, double>>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
