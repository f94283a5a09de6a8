using Granary.Training.Frames;
using Granary.Training.Shards;

namespace Granary.Training.Exchange;

/// <summary>Adds row-sparse frames along the canonical tree: the union of their rows, each the sum of those that have it.</summary>
internal sealed unsafe class RowUnion(int width) : IDisposable
{
    private int[] numbers = [];
    private int[] positions = [];
    private nint[] inputs = [];

    public SparseRows Sum { get; } = new(width);

    /// <param name="frames">In the order of the tree's inputs.</param>
    public void Add(ReadOnlySpan<Frame> frames, TreeSum tree)
    {
        Sum.Reset(Union(frames));
        Array.Resize(ref inputs, frames.Length);
        Array.Clear(positions);
        for (var at = 0; at < Sum.Count; at++)
        {
            for (var i = 0; i < frames.Length; i++)
            {
                var rows = frames[i].Rows!;
                var present = positions[i] < rows.Count && rows.Numbers[positions[i]] == Sum.Numbers[at];
                inputs[i] = present ? (nint)rows.Row(positions[i]++) : 0;
            }
            tree.SumPresent(inputs, Sum.Row(at), width);
        }
    }

    public void Dispose() => Sum.Dispose();

    private ReadOnlySpan<int> Union(ReadOnlySpan<Frame> frames)
    {
        Array.Resize(ref positions, frames.Length);
        Array.Clear(positions);
        var most = 0;
        foreach (var frame in frames)
        {
            most += frame.Rows!.Count;
        }
        if (numbers.Length < most)
        {
            numbers = new int[2 * most];
        }
        var count = 0;
        while (true)
        {
            var next = int.MaxValue;
            for (var i = 0; i < frames.Length; i++)
            {
                var rows = frames[i].Rows!.Numbers;
                next = positions[i] < rows.Length ? Math.Min(next, rows[positions[i]]) : next;
            }
            if (next == int.MaxValue)
            {
                return numbers.AsSpan(0, count);
            }
            numbers[count++] = next;
            for (var i = 0; i < frames.Length; i++)
            {
                var rows = frames[i].Rows!.Numbers;
                positions[i] += positions[i] < rows.Length && rows[positions[i]] == next ? 1 : 0;
            }
        }
    }
}
