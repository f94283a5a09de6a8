using System.Text;
using Granary.Training.Frames;
using Granary.Training.Numerics;
using Granary.Training.Optimization;
using Granary.Training.Randomness;
using Granary.Training.Shards;
using Granary.Training.Tasks;

namespace Granary.Tests.Fakes;

/// <summary>
/// A task without libtorch that has all that tasks may have: dense gradients, row-sparse ones, a carry, two phases of which
/// one is occasional, uneven shards. Its sums are sensitive to the order of addition.
/// </summary>
public sealed class PointsTask : ITrainingTask
{
    /// <summary>Is told what is about to be computed, and on which thread, if a run has the setting <c>watched</c>.</summary>
    public static Action<Coordinates, Thread>? Computing { get; set; }

    /// <summary>Set: data and steps that are stuck go on after all.</summary>
    public static ManualResetEventSlim Stuck { get; } = new();

    public string Name => "points";

    public string Summary => "fake";

    public Type Settings => typeof(PointsSettings);

    public ITrainingReplica CreateReplica(TrainingSpec spec) => new PointsReplica(spec, TaskSettings.Bind<PointsSettings>(spec));
}

public sealed record PointsSettings
{
    [Setting("dense parameters", Min = 1)]
    public int Size { get; init; } = 1000;

    [Setting("rows of the table; 0: none", Min = 0)]
    public int Rows { get; init; } = 50;

    [Setting("samples a step", Min = 1)]
    public int Batch { get; init; } = 13;

    [Setting("step whose gradient is not finite; -1: none", Min = -1)]
    public long PoisonedStep { get; init; } = -1;

    [Setting("step at which shard 1 throws; -1: none", Min = -1)]
    public long FailingStep { get; init; } = -1;

    [Setting("step at which shard 1 is stuck; -1: none", Min = -1)]
    public long StuckStep { get; init; } = -1;

    [Setting("whether Computing is told of every shard")]
    public bool Watched { get; init; }

    [Setting("content of the asset points.txt; empty: there is none")]
    public string Asset { get; init; } = "";

    [Setting("whether every fourth step ends with a validation")]
    public bool Validate { get; init; } = true;

    [Setting("how the data are", Choices = ["good", "missing", "stuck"])]
    public string Condition { get; init; } = "good";
}

internal sealed unsafe class PointsReplica : ITrainingReplica
{
    private const int RowWidth = 5, ValidateEvery = 4;
    private readonly TrainingSpec spec;
    private readonly PointsSettings settings;
    private readonly NativeFloats weights;
    private readonly NativeFloats table;
    private readonly NativeFloats carry;
    private readonly Adam optimizer;

    public PointsReplica(TrainingSpec spec, PointsSettings settings)
    {
        if (settings.Condition == "stuck")
        {
            PointsTask.Stuck.Wait();
        }
        if (settings.Condition == "missing")
        {
            throw new TrainingDataException("The points are missing. Bring some.");
        }
        this.spec = spec;
        this.settings = settings;
        weights = new(settings.Size);
        table = new(Math.Max(1, settings.Rows) * RowWidth);
        carry = new(spec.Shards);
        optimizer = new(settings.Size);
        var random = new StepRandom(spec.Seed);
        foreach (ref var weight in weights.Span)
        {
            weight = random.NextSingle() - 0.5f;
        }
        var assets = new Dictionary<string, byte[]> { ["points.txt"] = Encoding.UTF8.GetBytes(settings.Asset) };
        State = new(
        [
            new("weights", [settings.Size], StateKind.Model, weights.Pointer),
            new("table", [Math.Max(1, settings.Rows), RowWidth], StateKind.Model, table.Pointer),
            new("carry", [spec.Shards], StateKind.Training, carry.Pointer),
            new("adam.mean", [settings.Size], StateKind.Training, optimizer.Mean.Pointer),
            new("adam.variance", [settings.Size], StateKind.Training, optimizer.Variance.Pointer),
        ], settings.Asset.Length > 0 ? assets : null);
        State.Scalars["rate"] = 0.01;
    }

    public IReadOnlyList<string> Phases => ["train", "validate"];

    public bool Happens(int phase, long step) => phase == 0 || (settings.Validate && step % ValidateEvery == ValidateEvery - 1);

    public long StepsPerEpoch => 10;

    public long TotalSteps => spec.TotalSteps(StepsPerEpoch, defaultEpochs: 2);

    public string Unit => "points";

    public Measure Measure => new("validation.loss", LowerIsBetter: true, Occasional: true);

    public ReplicaState State { get; }

    public Frame CreateFrame(int phase) => phase == 0
        ? Frame.Allocate(settings.Size + spec.Shards, 2, settings.Rows > 0 ? new SparseRows(RowWidth) : null)
        : Frame.Allocate(0, 2);

    public void ComputeGradients(Coordinates at, Frame frame)
    {
        frame.Clear();
        if (settings.Watched)
        {
            PointsTask.Computing?.Invoke(at, Thread.CurrentThread);
        }
        if (at.Step == settings.FailingStep && at.Shard == 1)
        {
            throw new InvalidOperationException($"Shard {at.Shard} broke at step {at.Step}.");
        }
        if (at.Step == settings.StuckStep && at.Shard == 1)
        {
            PointsTask.Stuck.Wait();
        }
        var random = new StepRandom(spec.Seed, (ulong)at.Step, (ulong)at.Phase, (ulong)at.Shard);
        var samples = Slice.Of(settings.Batch, at.Shard, spec.Shards).Count;
        frame.Scalars[0] = samples;
        if (at.Phase == 1)
        {
            frame.Scalars[1] = samples * weights.Span[0] * weights.Span[0];
            return;
        }
        for (var sample = 0; sample < samples; sample++)
        {
            var scale = MathF.Exp(6 * random.NextSingle() - 3);
            for (var i = 0; i < settings.Size; i++)
            {
                frame.Values[i] += scale * (weights.Span[i] - random.NextSingle() + carry.Span[at.Shard]);
            }
            frame.Scalars[1] += scale;
        }
        if (at.Step == settings.PoisonedStep && at.Shard == 0)
        {
            frame.Values[7] = float.NaN;
        }
        frame.Values[settings.Size + at.Shard] = carry.Span[at.Shard] * 0.5f + random.NextSingle();
        AddRows(frame, ref random);
    }

    public void Apply(int phase, long step, Frame sum, Metrics metrics)
    {
        var loss = sum.Scalars[1] / sum.Scalars[0];
        if (phase == 1)
        {
            metrics["validation.loss"] = loss;
            State.Scalars["rate"] *= 0.9;
            return;
        }
        var (norm, scale) = GradientNorm.Clip(VectorMath.SumOfSquares(sum.Pointer, settings.Size), sum.Scalars[0], 1, Phases[phase], step);
        optimizer.Update(0, settings.Size, weights.Pointer, sum.Pointer, new(step + 1, (float)State.Scalars["rate"], scale));
        sum.Values[settings.Size..].CopyTo(carry.Span);
        if (sum.Rows is { } rows)
        {
            for (var i = 0; i < rows.Count; i++)
            {
                var row = table.Pointer + rows.Numbers[i] * RowWidth;
                VectorMath.Add(row, rows.Row(i), row, RowWidth);
            }
        }
        metrics[Metrics.Loss] = loss;
        metrics[Metrics.GradientNorm] = norm;
        metrics[Metrics.Samples] = sum.Scalars[0];
    }

    public bool SamplesDue(long step) => step % ValidateEvery == 0;

    public void WriteSamples(string folder, long step) => File.WriteAllText(Path.Combine(folder, $"step-{step + 1:D8}.txt"), $"{weights.Span[0]}");

    public void Dispose()
    {
        weights.Dispose();
        table.Dispose();
        carry.Dispose();
        optimizer.Dispose();
    }

    private void AddRows(Frame frame, ref StepRandom random)
    {
        if (frame.Rows is not { } rows)
        {
            return;
        }
        var touched = new SortedSet<int>();
        for (var i = 0; i < settings.Rows / 4; i++)
        {
            touched.Add(random.Next(settings.Rows));
        }
        rows.Reset([.. touched]);
        foreach (ref var value in rows.Values)
        {
            value = 0f + (random.NextSingle() - 0.5f) * 1e-3f;
        }
    }
}
