using System.Diagnostics.Metrics;

namespace Granary.Grains.Telemetry;

/// <summary>What is told of a run by its name.</summary>
internal enum RunGauge
{
    Loss,
    GradientNorm,
    LearningRate,
    StragglerScore,
}

/// <summary>
/// Gauges whose series name a run, and are there only as long as somebody in this process holds them. One for each process: OpenTelemetry takes
/// the instruments of one name for one, whichever silo made them.
/// </summary>
internal sealed class RunSeries
{
    // OpenTelemetry keeps room for every series that an instrument has ever had, and has room for 2,000: before that the meter is renewed.
    private const int MostOfAMeter = 1000;
    private readonly Lock gate = new(), renewing = new();
    private readonly HashSet<Holder> held = [];
    private Meter meter;
    private int begun;

    private RunSeries() => meter = CreateMeter();

    public static RunSeries OfProcess { get; } = new();

    /// <summary>Begins a series of each gauge that it is given a value of; they end when it is disposed of.</summary>
    public Holder Begin(params IReadOnlyList<KeyValuePair<string, object?>> tags)
    {
        var holder = new Holder(this, tags);
        lock (gate)
        {
            held.Add(holder);
            if (++begun <= MostOfAMeter)
            {
                return holder;
            }
            begun = held.Count;
        }
        Renew();
        return holder;
    }

    private void Renew()
    {
        lock (renewing)
        {
            // First the old one: instruments of a name that lives already would join it, and end with it.
            meter.Dispose();
            meter = CreateMeter();
        }
    }

    private Meter CreateMeter()
    {
        var created = new Meter(TrainingInstruments.Name);
        Create(RunGauge.Loss, "training.loss", "The loss of the newest step.");
        Create(RunGauge.GradientNorm, "training.gradient.norm", "The norm of the newest step's mean gradient, before clipping.");
        Create(RunGauge.LearningRate, "training.learning.rate", "The learning rate in force.");
        Create(RunGauge.StragglerScore, "training.straggler.score", "A worker's time for a shard over the median of the others'.");
        return created;

        void Create(RunGauge gauge, string name, string description) => created.CreateObservableGauge(name, () => Read(gauge), "1", description);
    }

    private List<Measurement<double>> Read(RunGauge gauge)
    {
        lock (gate)
        {
            return [.. held.Where(holder => !double.IsNaN(holder[gauge])).Select(holder => new Measurement<double>(holder[gauge], holder.Tags))];
        }
    }

    private void End(Holder holder)
    {
        lock (gate)
        {
            held.Remove(holder);
        }
    }

    /// <summary>The newest values of what has these tags.</summary>
    public sealed class Holder(RunSeries series, IReadOnlyList<KeyValuePair<string, object?>> tags) : IDisposable
    {
        private readonly double[] values = [.. Enum.GetValues<RunGauge>().Select(_ => double.NaN)];

        public IReadOnlyList<KeyValuePair<string, object?>> Tags => tags;

        /// <summary>NaN: none yet.</summary>
        public double this[RunGauge gauge]
        {
            get => Volatile.Read(ref values[(int)gauge]);
            set => Volatile.Write(ref values[(int)gauge], value);
        }

        public void Dispose() => series.End(this);
    }
}
