using System.Diagnostics;
using Granary.Training.Frames;
using Granary.Training.Shards;

namespace Granary.Training.Tasks;

/// <summary>Which gradient: the shard's part of a phase of a step. These numbers seed all its randomness.</summary>
public readonly record struct Coordinates(long Step, int Phase, int Shard);

/// <summary>
/// A task's live state in one process: parameters, optimizer, buffers. Synchronous, and used from one thread only.
/// A step is a pure function of the state: nothing else may leak in, so that every replica makes the same step.
/// </summary>
public interface ITrainingReplica : IDisposable
{
    /// <summary>What a step consists of, in order. Each phase is averaged and applied before the next begins.</summary>
    IReadOnlyList<string> Phases { get; }

    /// <summary>Whether the phase takes place in this step of a training: validation, say, only every so often.</summary>
    bool Happens(int phase, long step) => true;

    /// <summary>Whether the phase measures on held-out data and learns nothing. All of these together make up an evaluation.</summary>
    bool IsHeldOut(int phase) => false;

    /// <summary>Steps that go once through the data.</summary>
    long StepsPerEpoch { get; }

    /// <summary>Steps from first to last. A run that ends early has fewer from then on.</summary>
    long TotalSteps { get; }

    /// <summary>What one unit of a frame's weight is: <c>tokens</c>, <c>words</c>, <c>images</c>, <c>samples</c>.</summary>
    string Unit { get; }

    /// <summary>The metric that decides which checkpoint is best.</summary>
    Measure Measure { get; }

    /// <summary>
    /// A hint: from now on these shards are asked for in order, all phases of one step after the other. What is known about them
    /// beforehand may be prepared on another thread.
    /// </summary>
    void Expect(ShardRange shards) { }

    /// <summary>How long this replica has waited for its data, all in all.</summary>
    TimeSpan DataWait => TimeSpan.Zero;

    /// <summary>A frame for sums of this phase, filled with zeros. The caller disposes it, before the replica.</summary>
    Frame CreateFrame(int phase);

    /// <summary>
    /// Writes into <paramref name="frame"/> (cleared first) the sum over the shard's samples. The state stays as it is,
    /// all the time: a checkpoint of it may be copied meanwhile.
    /// </summary>
    void ComputeGradients(Coordinates at, Frame frame);

    /// <summary>
    /// Moves the state by the sum over all shards: clip, schedule, optimizer; once a phase, in order. Adds what it learned
    /// to <paramref name="metrics"/>, <see cref="Metrics.Samples"/> among it. Only reads the frame, as other
    /// replicas of the process do at the same time.
    /// </summary>
    /// <exception cref="NonFiniteException">Loss or gradient is not finite; the state is unchanged.</exception>
    void Apply(int phase, long step, Frame sum, Metrics metrics);

    /// <summary>Adds what a held-out phase has found, by the sum over all shards, to <paramref name="metrics"/>. The state stays as it is.</summary>
    /// <exception cref="NonFiniteException">It is no number.</exception>
    void Report(int phase, Frame sum, Metrics metrics) => throw new NotSupportedException();

    /// <summary>Everything a twin needs to go on from here, and nothing else.</summary>
    ReplicaState State { get; }

    /// <summary>
    /// What training takes on one worker at least, and how many bytes: the state, its copy for a checkpoint, gradients as long as the model.
    /// Data, and what a forward pass remembers, come on top.
    /// </summary>
    IReadOnlyList<(string What, long Bytes)> MemoryNeeds =>
    [
        ("model", State.MemoryBytes(StateKind.Model)),
        ("gradients", State.MemoryBytes(StateKind.Model)),
        ("optimizer and carry", State.MemoryBytes(StateKind.Training)),
        ("a copy for checkpoints", State.MemoryBytes()),
    ];

    /// <summary>To be called after <see cref="State"/> has been overwritten, for what is derived from it.</summary>
    void StateRestored() { }

    /// <summary>Adds measures that are not sums over shards, made in this process alone, to <paramref name="metrics"/>. The state stays as it is.</summary>
    void Examine(Metrics metrics) { }

    /// <summary>What the last evaluation has found besides numbers, as text; <see langword="null"/>: nothing.</summary>
    string? Findings => null;

    /// <summary>What the model can be used for: an object that may be an <see cref="ITextGenerator"/> and the like.</summary>
    object Model => this;

    /// <summary>
    /// Writes what the run shows besides numbers (pictures, text) into an existing folder. Optional. TensorBoard shows files that are named
    /// <c>step-00000500.png</c> or <c>.txt</c>, by the steps committed: <paramref name="step"/> and one.
    /// </summary>
    void WriteSamples(string folder, long step) { }

    /// <summary>Whether <see cref="WriteSamples"/> is due after this step.</summary>
    bool SamplesDue(long step) => false;
}

/// <summary>The metric that says how good a model is. Its value at a step is <see cref="Metrics"/>' entry of that name.</summary>
/// <param name="Occasional">Known at some steps only, after a validation: a better value is then worth a checkpoint.</param>
public sealed record Measure(string Metric, bool LowerIsBetter, bool Occasional = false)
{
    /// <summary>Whether a value is strictly better than another.</summary>
    public bool IsBetter(double value, double than) => LowerIsBetter ? value < than : value > than;
}

/// <summary>A loss or gradient became NaN or infinite. Thrown before the weights are touched.</summary>
/// <param name="shard">The shard it came from, if known.</param>
public sealed class NonFiniteException(string what, string phase, long step, int? shard = null)
    : Exception($"The {what} of phase '{phase}' at step {step} is not finite{(shard is { } number ? $": it came from shard {number}" : "")}. The weights are unchanged. Try a lower learning rate or a smaller gradient norm.")
{
    /// <summary>Loss or gradient.</summary>
    public string What { get; } = what;
    /// <summary>The name of the phase.</summary>
    public string Phase { get; } = phase;
    /// <summary>The step that could not be made.</summary>
    public long Step { get; } = step;
    /// <summary>Where it came from, if known.</summary>
    public int? Shard { get; } = shard;
}

/// <summary>A task threw while it computed a shard. The weights are unchanged.</summary>
public sealed class ShardFailedException(int shard, string phase, long step, Exception inner)
    : Exception($"Shard {shard} failed in phase '{phase}' of step {step}: {Told(inner)}", inner)
{
    // libtorch appends the addresses of its own calls.
    private const string TraceOfLibtorch = "Exception raised from";

    /// <summary>The number of the shard.</summary>
    public int Shard { get; } = shard;

    /// <summary>What happened, and where in the code of a learner, as far as that is known.</summary>
    private static string Told(Exception inner)
    {
        var text = inner.Message;
        text = text.IndexOf(TraceOfLibtorch, StringComparison.Ordinal) is >= 0 and var end ? text[..end].TrimEnd() : text;
        var frame = new StackTrace(inner, fNeedFileInfo: true).GetFrames().FirstOrDefault(frame => frame.GetFileName() is not null);
        return frame is null ? text : $"{text} ({Path.GetFileName(frame.GetFileName())}, line {frame.GetFileLineNumber()})";
    }
}
