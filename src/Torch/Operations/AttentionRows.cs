// T time, S time of what is looked at
using System.Runtime.Intrinsics;
using Granary.Training.Numerics;

namespace Granary.Torch.Operations;

/// <summary>What attention does between its products: the softmax of what each token looks at.</summary>
internal static unsafe class AttentionRows
{
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
}
