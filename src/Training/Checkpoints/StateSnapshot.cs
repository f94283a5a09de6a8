using Granary.Training.Numerics;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>A copy of a replica's state at a step boundary, in memory of its own, reused from checkpoint to checkpoint.</summary>
public sealed unsafe class StateSnapshot : IDisposable
{
    // Large enough to be worth a thread's turn, small enough to keep several threads busy to the end.
    private const int Piece = 4 << 20;
    private readonly List<NativeFloats> memory = [];
    private ReplicaState? copy;

    /// <summary>The copy; waits until it is whole.</summary>
    public ReplicaState State
    {
        get
        {
            Copied.GetAwaiter().GetResult();
            return copy!;
        }
    }

    /// <summary>Completes when the state has been copied: until then it must stay as it is.</summary>
    public Task Copied { get; private set; } = Task.CompletedTask;

    /// <summary>Copies the state in the background.</summary>
    /// <param name="state">Of the same shape every time.</param>
    public void Begin(ReplicaState state)
    {
        var (tensors, scalars) = (state.Tensors, state.Scalars.ToList());
        Copied = Copied.ContinueWith(_ => Copy(tensors, state.Assets, scalars), TaskScheduler.Default);
    }

    /// <summary>Makes the memory ready in the background, before it is needed: its first touch takes much longer than a copy.</summary>
    public void Prepare(ReplicaState state)
    {
        var tensors = state.Tensors;
        Copied = Task.Run(() => copy ??= Allocate(tensors, state.Assets));
    }

    /// <inheritdoc/>
    public void Dispose() => memory.ForEach(block => block.Dispose());

    private void Copy(IReadOnlyList<StateTensor> state, IReadOnlyDictionary<string, byte[]> assets, List<KeyValuePair<string, double>> scalars)
    {
        copy ??= Allocate(state, assets);
        var pieces = new List<(StateTensor From, StateTensor To, long Start)>();
        foreach (var (from, to) in state.Zip(copy.Tensors))
        {
            for (var start = 0L; start < from.Length; start += Piece)
            {
                pieces.Add((from, to, start));
            }
        }
        Parallel.ForEach(pieces, piece =>
        {
            var length = Math.Min(Piece, piece.From.Length - piece.Start);
            piece.From.Part(piece.Start, length).CopyTo(piece.To.Part(piece.Start, length));
        });
        copy.Scalars.Clear();
        foreach (var (name, value) in scalars)
        {
            copy.Scalars.Add(name, value);
        }
    }

    private ReplicaState Allocate(IReadOnlyList<StateTensor> state, IReadOnlyDictionary<string, byte[]> assets)
    {
        // A block for each: all together they may be more than a block can hold.
        var tensors = new List<StateTensor>();
        foreach (var tensor in state)
        {
            memory.Add(new(tensor.Length));
            tensors.Add(new(tensor.Name, tensor.Shape, tensor.Kind, memory[^1].Pointer));
        }
        return new(tensors, assets);
    }
}
