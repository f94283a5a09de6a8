using Granary.Training.Frames;
using Granary.Training.Tasks;

namespace Granary.Torch;

/// <summary>What a phase's passes over all shards have added up to.</summary>
public readonly ref struct Totals
{
    private const int Weights = 0, First = 1;
    private readonly IReadOnlyDictionary<string, int> places;
    private readonly ReadOnlySpan<float> scalars;

    /// <param name="places">Of the names: there may be thousands.</param>
    internal Totals(string phase, IReadOnlyList<string> names, IReadOnlyDictionary<string, int> places, ReadOnlySpan<float> scalars)
    {
        (Phase, Names, this.places) = (phase, names, places);
        this.scalars = scalars;
        Weight = ExactSum.Read(scalars);
    }

    /// <summary>The phase's name.</summary>
    public string Phase { get; }

    /// <summary>The names of its sums.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Samples or tokens.</summary>
    public double Weight { get; }

    /// <summary>A sum by its name.</summary>
    public double this[string name] => places.TryGetValue(name, out var place)
        ? ExactSum.Read(scalars[((First + place) * ExactSum.Slots)..])
        : throw new ArgumentException($"Phase '{Phase}' has no sum named '{name}'. It has: {string.Join(", ", Names)}.");

    /// <summary>A sum by weight.</summary>
    public double Mean(string name) => this[name] / Weight;

    /// <summary>Floats that the sums take in a frame.</summary>
    internal static int Slots(IReadOnlyList<string> names) => (First + names.Count) * ExactSum.Slots;

    /// <summary>Writes what a pass has added up as the scalars of a frame of the host's.</summary>
    internal static void Write(ShardPass pass, Span<float> scalars)
    {
        ExactSum.Write(pass.Weight, scalars[(Weights * ExactSum.Slots)..]);
        var sums = pass.Sums.ToHost();
        for (var i = 0; i < sums.Length; i++)
        {
            ExactSum.Write(sums[i], scalars[((First + i) * ExactSum.Slots)..]);
        }
    }

    /// <exception cref="NonFiniteException">One of the sums is no number.</exception>
    internal void CheckFinite(long step)
    {
        for (var place = 0; place < Names.Count; place++)
        {
            if (!double.IsFinite(ExactSum.Read(scalars[((First + place) * ExactSum.Slots)..])))
            {
                throw new NonFiniteException(Names[place], Phase, step);
            }
        }
    }
}
