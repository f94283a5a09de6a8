using System.Diagnostics;
using System.Diagnostics.Metrics;
using Granary.Grains.Nodes;
using Granary.Training.Checkpoints;
using Granary.Training.Loop;
using Granary.Training.Tasks;

namespace Granary.Grains.Telemetry;

/// <summary>What Granary measures of itself. Every instrument is a row of docs/metrics.md.</summary>
public sealed class TrainingInstruments
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Granary";

    private static readonly double[] stepSeconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
    private readonly TimeProvider time;
    private readonly Histogram<double> stepDuration;
    private readonly Histogram<double> gradientsDuration;
    private readonly Histogram<double> dataWait;
    private readonly Histogram<double> exchangeDuration;
    private readonly Histogram<double> applyDuration;
    private readonly Counter<double> samples;
    private readonly Counter<long> steps;
    private readonly Counter<long> exchangedBytes;
    private readonly Histogram<double> checkpointDuration;
    private readonly Histogram<double> checkpointWait;
    private readonly Counter<long> checkpointFailures;
    private readonly Counter<long> checkpointsSkipped;
    private readonly Counter<long> outputFailures;
    private readonly UpDownCounter<int> workers;
    private readonly Counter<long> rounds;
    private readonly UpDownCounter<int> runs;
    private long lastCheckpoint;

    public TrainingInstruments(IMeterFactory meters, TimeProvider time, TrainingEnvironment? environment = null)
    {
        this.time = time;
        var meter = meters.Create(Name);
        stepDuration = Seconds("training.step.duration", "A whole step on one worker.");
        gradientsDuration = Seconds("training.gradients.duration", "Forward and backward over a worker's shards in a step.");
        dataWait = Seconds("training.data.wait", "How long a worker's step waited for its batches: part of the gradients' duration.");
        exchangeDuration = Seconds("training.exchange.duration", "Adding the workers' gradients in a step, waiting for peers included.");
        applyDuration = Seconds("training.apply.duration", "Clipping and optimizer in a step.");
        samples = meter.CreateCounter<double>("training.samples", "{sample}", "Samples, tokens, words or images trained on.");
        steps = meter.CreateCounter<long>("training.steps", "{step}", "Steps committed.");
        exchangedBytes = meter.CreateCounter<long>("training.exchange.bytes", "By", "Gradient bytes sent to other processes.");
        checkpointDuration = Seconds("training.checkpoint.duration", "Writing a checkpoint, in the background.");
        checkpointWait = Seconds("training.checkpoint.wait", "How long training waited for a checkpoint's copy.");
        checkpointFailures = meter.CreateCounter<long>("training.checkpoint.failures", "{checkpoint}", "Checkpoints that could not be written.");
        checkpointsSkipped = meter.CreateCounter<long>("training.checkpoint.skipped", "{checkpoint}", "Checkpoints passed over for others, as the disk is slow.");
        outputFailures = meter.CreateCounter<long>("training.output.failures", "{failure}", "Times that the run directory, the learning curve, samples or event files could not be written.");
        meter.CreateObservableGauge("training.checkpoint.age", CheckpointAge, "s", "Time since the newest checkpoint of this silo.");
        meter.CreateObservableGauge("training.tensors", () => environment?.LiveTensors() ?? 0, "{tensor}", "Tensors alive in this process.");
        ObserveDevices(meter, environment);
        workers = meter.CreateUpDownCounter<int>("training.workers", "{worker}", "Workers in rounds.");
        rounds = meter.CreateCounter<long>("training.rounds", "{round}", "Rounds begun.");
        runs = meter.CreateUpDownCounter<int>("training.runs", "{run}", "Runs that have not ended, by the silo of their coordinator.");

        Histogram<double> Seconds(string name, string description) =>
            meter.CreateHistogram(name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = stepSeconds });
    }

    /// <summary>What names a run, and ends with it.</summary>
    internal RunSeries Runs { get; } = RunSeries.OfProcess;

    public void StepCommitted(string task, double sampleCount, StepTimes times)
    {
        var tags = new TagList { { "task", task } };
        stepDuration.Record(times.Total.TotalSeconds, tags);
        gradientsDuration.Record(times.Compute.TotalSeconds, tags);
        dataWait.Record(times.Data.TotalSeconds, tags);
        exchangeDuration.Record(times.Exchange.TotalSeconds, tags);
        applyDuration.Record(times.Apply.TotalSeconds, tags);
        samples.Add(sampleCount, tags);
        steps.Add(1, tags);
    }

    public void Exchanged(long bytes) => exchangedBytes.Add(bytes);

    /// <summary>The state of a checkpoint is copied; a step waited so long for it.</summary>
    public void CheckpointCopied(TimeSpan waited) => checkpointWait.Record(waited.TotalSeconds);

    public void CheckpointEnded(string task, CheckpointOutcome outcome)
    {
        var tags = new TagList { { "task", task } };
        // Zeros are told, too: a series that begins with the first failure shows no increase.
        checkpointFailures.Add(outcome.Failure is null ? 0 : 1, tags);
        checkpointsSkipped.Add(outcome.PassedOverFor is null ? 0 : 1, tags);
        if (outcome.Written is not null)
        {
            checkpointDuration.Record(outcome.Duration.TotalSeconds, tags);
            Interlocked.Exchange(ref lastCheckpoint, time.GetTimestamp());
        }
    }

    /// <summary>An output other than a checkpoint was written, or not.</summary>
    public void OutputEnded(string task, bool failed) => outputFailures.Add(failed ? 1 : 0, new TagList { { "task", task } });

    public void RunStarted(string task) => runs.Add(1, new TagList { { "task", task } });

    public void RunEnded(string task) => runs.Add(-1, new TagList { { "task", task } });

    public void RoundBegan(string task, int workerCount)
    {
        var tags = new TagList { { "task", task } };
        rounds.Add(1, tags);
        workers.Add(workerCount, tags);
    }

    public void RoundEnded(string task, int workerCount) => workers.Add(-workerCount, new TagList { { "task", task } });

    private static void ObserveDevices(Meter meter, TrainingEnvironment? environment)
    {
        meter.CreateObservableGauge("training.device.memory.used", () => Each(device => device.Memory?.Used), "By", "Memory taken of a device; of the processor, by this process.");
        meter.CreateObservableGauge("training.device.memory.free", () => Each(device => device.Memory?.Free), "By", "Memory free of a device; of the processor, what this process may still take.");
        meter.CreateObservableCounter("training.device.copies", () => Each<double>(device => device.Copying.TotalSeconds), "s", "Time of copies between a device's memory and the host's.");
        meter.CreateObservableCounter("training.device.exchange", () => Each<double>(device => device.Exchanging.TotalSeconds), "s", "Time of the exchange between devices, waiting for peers included.");

        IEnumerable<Measurement<T>> Each<T>(Func<DeviceReading, T?> read) where T : struct =>
            from device in environment?.ReadDevices() ?? []
            let value = read(device)
            where value is not null
            select new Measurement<T>(value.Value, new("device", device.Device), new("device.model", device.Model));
    }

    private IEnumerable<Measurement<double>> CheckpointAge() =>
        Interlocked.Read(ref lastCheckpoint) is var at and not 0 ? [new(time.GetElapsedTime(at).TotalSeconds)] : [];
}
