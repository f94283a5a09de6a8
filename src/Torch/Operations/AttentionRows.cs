// X texts times heads, T time, S time of what is looked at, D channels of a head, H heads, P parts, C = H D
using System.Runtime.Intrinsics;
using Granary.Training.Numerics;

namespace Granary.Torch.Operations;

/// <summary>What attention does between its products: which channels are whose head's, and the softmax of what each token looks at.</summary>
internal static unsafe class AttentionRows
{
    /// <summary>From a row of P x C channels for each token to a matrix for each part, text and head; the bias, if any, is added on the way.</summary>
    public static void Split(float* from, float* bias, int parts, Shape shape, float* into)
    {
        for (var text = 0; text < shape.Texts; text++)
        {
            for (var time = 0; time < shape.Time; time++)
            {
                for (var head = 0; head < parts * shape.Heads; head++)
                {
                    float* row = from + (long)head * shape.Size, to = into + shape.Place(text, time, head);
                    if (bias == null)
                    {
                        new ReadOnlySpan<float>(row, shape.Size).CopyTo(new(to, shape.Size));
                    }
                    else
                    {
                        VectorMath.Add(row, bias + (long)head * shape.Size, to, shape.Size);
                    }
                }
                from += (long)parts * shape.Heads * shape.Size;
            }
        }
    }

    /// <summary>The way back; what comes is added to the bias's gradient, if there is one.</summary>
    public static void Merge(float* from, int parts, Shape shape, float* into, float* biasGradient)
    {
        for (var text = 0; text < shape.Texts; text++)
        {
            for (var time = 0; time < shape.Time; time++)
            {
                for (var head = 0; head < parts * shape.Heads; head++)
                {
                    float* row = from + shape.Place(text, time, head), sum = biasGradient + (long)head * shape.Size;
                    new ReadOnlySpan<float>(row, shape.Size).CopyTo(new(into + (long)head * shape.Size, shape.Size));
                    if (biasGradient != null)
                    {
                        VectorMath.Add(sum, row, sum, shape.Size);
                    }
                }
                into += (long)parts * shape.Heads * shape.Size;
            }
        }
    }

    /// <summary>Scaled logits become shares that add up to 1 in each row; what must not be seen has none.</summary>
    /// <param name="unseen_S">Added to each row of logits: negative infinity where there is nothing; may be null.</param>
    public static void Softmax(float* logits_TS, float* unseen_S, float scale, int time, int seen, bool causal)
    {
        for (var row = 0; row < time; row++, logits_TS += seen)
        {
            var count = causal ? row + 1 : seen;
            var whole = Lanes.Whole(count);
            var max = Vector512.Create(float.NegativeInfinity);
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                var logits = Vector512.Load(logits_TS + i) * scale;
                if (unseen_S != null)
                {
                    logits += Vector512.Load(unseen_S + i);
                }
                logits.Store(logits_TS + i);
                max = Vector512.MaxNative(max, logits);
            }
            var highest = Lanes.Max(max);
            for (var i = whole; i < count; i++)
            {
                logits_TS[i] = logits_TS[i] * scale + (unseen_S == null ? 0 : unseen_S[i]);
                highest = MathF.Max(highest, logits_TS[i]);
            }
            // Up to the next whole vector, so that nothing is left over: these become 0.
            new Span<float>(logits_TS + count, seen - count).Fill(float.NegativeInfinity);
            var sum = Vector512<float>.Zero;
            var end = Math.Min(Lanes.Whole(count + Lanes.Count - 1), Lanes.Whole(seen));
            for (var i = 0; i < end; i += Lanes.Count)
            {
                var exponential = VectorExp.OfNonPositive(Vector512.Load(logits_TS + i) - Vector512.Create(highest));
                exponential.Store(logits_TS + i);
                sum += exponential;
            }
            if (end < count)
            {
                var rest = Vector512.ConditionalSelect(Lanes.First(count - end), Lanes.Load(logits_TS + end, count - end) - Vector512.Create(highest), Vector512.Create(float.NegativeInfinity));
                var exponential = VectorExp.OfNonPositive(rest);
                Lanes.Store(exponential, logits_TS + end, count - end);
                sum += exponential;
                end = count;
            }
            VectorMath.Scale(logits_TS, 1 / Lanes.Sum(sum), end);
            new Span<float>(logits_TS + end, seen - end).Clear();
        }
    }

    /// <summary>The shares' gradient becomes that of the products before they were scaled.</summary>
    public static void SoftmaxBackward(float* shares_TS, float* gradient_TS, float scale, int time, int seen, bool causal)
    {
        for (var row = 0; row < time; row++, shares_TS += seen, gradient_TS += seen)
        {
            // Shares behind a causal row's end are 0, and so are their products.
            var count = causal ? Math.Min(Lanes.Whole(row + Lanes.Count), seen) : seen;
            var whole = Lanes.Whole(count);
            var sum = Vector512<float>.Zero;
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                sum = Vector512.FusedMultiplyAdd(Vector512.Load(shares_TS + i), Vector512.Load(gradient_TS + i), sum);
            }
            if (whole < count)
            {
                sum = Vector512.FusedMultiplyAdd(Lanes.Load(shares_TS + whole, count - whole), Lanes.Load(gradient_TS + whole, count - whole), sum);
            }
            var mean = Vector512.Create(Lanes.Sum(sum));
            for (var i = 0; i < whole; i += Lanes.Count)
            {
                (Vector512.Load(shares_TS + i) * (Vector512.Load(gradient_TS + i) - mean) * scale).Store(gradient_TS + i);
            }
            if (whole < count)
            {
                var rest = Lanes.Load(shares_TS + whole, count - whole) * (Lanes.Load(gradient_TS + whole, count - whole) - mean) * scale;
                Lanes.Store(rest, gradient_TS + whole, count - whole);
            }
            new Span<float>(gradient_TS + count, seen - count).Clear();
        }
    }

    /// <param name="Size">Channels of a head.</param>
    public readonly record struct Shape(int Texts, int Time, int Heads, int Size)
    {
        /// <summary>Floats before a token's channels in one head of one part.</summary>
        /// <param name="head">Heads of the parts before count.</param>
        public long Place(int text, int time, int head) => ((((long)(head / Heads) * Texts + text) * Heads + head % Heads) * Time + time) * Size;
    }
}
