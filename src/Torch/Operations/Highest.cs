// T time, B batch, F features
using System.Runtime.Intrinsics;
using Granary.Torch.Runtime;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>The largest value of each feature over a text; what comes first has the gradient, among equals.</summary>
internal sealed unsafe class Highest : HandGradient
{
    private readonly Tensor values_TBF, mask_TB1;
    private readonly int time, batch, features;
    private Tensor? when_BF;

    private Highest(Tensor values_TBF, Tensor mask_TB1)
    {
        (this.values_TBF, this.mask_TB1) = (values_TBF.contiguous(), mask_TB1.contiguous());
        (time, batch, features) = ((int)values_TBF.size(0), (int)values_TBF.size(1), (int)values_TBF.size(2));
    }

    /// <param name="mask_TB1">0 behind a text's end, else 1.</param>
    public static Tensor Of(Tensor values_TBF, Tensor mask_TB1)
    {
        if (!Takes(values_TBF))
        {
            return values_TBF.masked_fill(mask_TB1.eq(0), float.NegativeInfinity).amax([0]);
        }
        var part = new Highest(values_TBF, mask_TB1);
        return part.Apply([part.values_TBF]);
    }

    protected override Tensor Forward()
    {
        var highest_BF = full(batch, features, float.NegativeInfinity);
        when_BF = zeros(batch, features);
        float* values = values_TBF.Floats(), mask = mask_TB1.Floats(), highest = highest_BF.Floats(), when = when_BF.Floats();
        for (var row = 0; row < time * batch; row++)
        {
            if (mask[row] == 0)
            {
                continue;
            }
            var (t, b) = Math.DivRem(row, batch);
            var now = Vector512.Create((float)t);
            for (var f = 0; f < features; f += Lanes.Count)
            {
                var (count, place) = (features - f, b * features + f);
                var (value, old) = (Lanes.Load(values + row * features + f, count), Lanes.Load(highest + place, count));
                // What is not a number is higher than all, and stays.
                var isHigher = Vector512.GreaterThan(value, old) | Vector512.IsNaN(value);
                Lanes.Store(Vector512.ConditionalSelect(isHigher, value, old), highest + place, count);
                Lanes.Store(Vector512.ConditionalSelect(isHigher, now, Lanes.Load(when + place, count)), when + place, count);
            }
        }
        return highest_BF;
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient_BF)
    {
        var values_TBF = empty(time, batch, features);
        float* values = values_TBF.Floats(), gradient = gradient_BF.Floats(), when = when_BF!.Floats();
        for (var t = 0; t < time; t++, values += batch * features)
        {
            var now = Vector512.Create((float)t);
            for (var place = 0; place < batch * features; place += Lanes.Count)
            {
                var count = batch * features - place;
                Lanes.Store(Vector512.Equals(Lanes.Load(when + place, count), now) & Lanes.Load(gradient + place, count), values + place, count);
            }
        }
        return [values_TBF];
    }
}
