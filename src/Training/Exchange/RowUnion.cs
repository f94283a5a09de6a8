using System.Numerics;
using Granary.Training.Frames;
using Granary.Training.Numerics;

namespace Granary.Training.Exchange;

/// <summary>
/// Adds row-sparse frames along the canonical tree: the union of their rows, each the sum of those that have it. Every worker
/// adds the rows of one range of row numbers; all ranges hold about as many rows. One pass: each row is read once.
/// </summary>
internal sealed unsafe class RowUnion : IDisposable
{
    private readonly int width;
    private readonly Part[] parts;

    public RowUnion(int width, int workers = 1)
    {
        this.width = width;
        parts = [.. Enumerable.Range(0, workers).Select(_ => new Part())];
        Sum = new(width);
    }

    public SparseRows Sum { get; }

    /// <summary>The whole by one worker alone.</summary>
    /// <param name="frames">In the order of the tree's inputs.</param>
    public void Add(ReadOnlySpan<Frame> frames, TreeSum tree)
    {
        Find(0, frames);
        Add(0, frames, tree);
    }

    /// <summary>First, for each worker: which rows of its range there are. <see cref="Sum"/> stays as it is.</summary>
    public void Find(int worker, ReadOnlySpan<Frame> frames)
    {
        var part = parts[worker];
        part.Reserve(frames.Length);
        long all = 0;
        var last = -1;
        foreach (var frame in frames)
        {
            var numbers = frame.Rows!.Numbers;
            all += numbers.Length;
            last = numbers.IsEmpty ? last : Math.Max(last, numbers[^1]);
        }
        part.First = Boundary(frames, all * worker / parts.Length, last);
        var end = Boundary(frames, all * (worker + 1) / parts.Length, last);
        part.Clear(end - part.First);
        for (var i = 0; i < frames.Length; i++)
        {
            var numbers = frames[i].Rows!.Numbers;
            part.Begin[i] = CountBelow(numbers, part.First);
            part.End[i] = CountBelow(numbers, end);
            part.Mark(numbers[part.Begin[i]..part.End[i]]);
        }
        part.Count = part.Marked();
    }

    /// <summary>Then, when all have found theirs: the numbers and values of the worker's range.</summary>
    public void Add(int worker, ReadOnlySpan<Frame> frames, TreeSum tree)
    {
        int at = 0, all = 0;
        for (var other = 0; other < parts.Length; other++)
        {
            at += other < worker ? parts[other].Count : 0;
            all += parts[other].Count;
        }
        lock (Sum)
        {
            Sum.Resize(all);
        }
        var part = parts[worker];
        part.WriteNumbers(Sum.Numbers.Slice(at, part.Count));
        AddRows(part, frames, tree, at);
    }

    public void Dispose() => Sum.Dispose();

    private void AddRows(Part part, ReadOnlySpan<Frame> frames, TreeSum tree, int at)
    {
        var numbers = Sum.Numbers;
        var inputs = part.Inputs.AsSpan(0, frames.Length);
        for (var end = at + part.Count; at < end; at++)
        {
            var number = numbers[at];
            nint first = 0, second = 0;
            var present = 0;
            for (var i = 0; i < frames.Length; i++)
            {
                var rows = frames[i].Rows!;
                inputs[i] = 0;
                if (part.Begin[i] < part.End[i] && rows.Numbers[part.Begin[i]] == number)
                {
                    inputs[i] = (nint)rows.Row(part.Begin[i]++);
                    (first, second) = present++ == 0 ? (inputs[i], 0) : (first, inputs[i]);
                }
            }
            var into = Sum.Row(at);
            switch (present)
            {
                case 1:
                    new ReadOnlySpan<float>((float*)first, width).CopyTo(new(into, width));
                    break;
                case 2:
                    VectorMath.Add((float*)first, (float*)second, into, width);
                    break;
                default:
                    tree.SumPresent(inputs, into, width);
                    break;
            }
        }
    }

    /// <summary>The least row number below which the frames together have this many rows.</summary>
    private static int Boundary(ReadOnlySpan<Frame> frames, long rows, int last)
    {
        int low = 0, high = last + 1;
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            long below = 0;
            foreach (var frame in frames)
            {
                below += CountBelow(frame.Rows!.Numbers, middle);
            }
            (low, high) = below < rows ? (middle + 1, high) : (low, middle);
        }
        return low;
    }

    private static int CountBelow(ReadOnlySpan<int> numbers, int number)
    {
        var at = numbers.BinarySearch(number);
        return at < 0 ? ~at : at;
    }

    /// <summary>A worker's range: a bit for each number in it, and where it begins and ends in each frame.</summary>
    private sealed class Part
    {
        private ulong[] bits = [];
        private int words;

        public int First { get; set; }

        public int Count { get; set; }

        public int[] Begin { get; private set; } = [];

        public int[] End { get; private set; } = [];

        public nint[] Inputs { get; private set; } = [];

        public void Reserve(int frames)
        {
            if (Begin.Length < frames)
            {
                (Begin, End, Inputs) = (new int[frames], new int[frames], new nint[frames]);
            }
        }

        public void Clear(int numbers)
        {
            words = (numbers + 63) / 64;
            if (bits.Length < words)
            {
                bits = new ulong[words];
            }
            bits.AsSpan(0, words).Clear();
        }

        public void Mark(ReadOnlySpan<int> numbers)
        {
            foreach (var number in numbers)
            {
                bits[(number - First) >> 6] |= 1UL << (number - First);
            }
        }

        public int Marked()
        {
            var count = 0;
            foreach (var word in bits.AsSpan(0, words))
            {
                count += BitOperations.PopCount(word);
            }
            return count;
        }

        public void WriteNumbers(Span<int> into)
        {
            var at = 0;
            for (var word = 0; word < words; word++)
            {
                for (var left = bits[word]; left != 0; left &= left - 1)
                {
                    into[at++] = First + 64 * word + BitOperations.TrailingZeroCount(left);
                }
            }
        }
    }
}
