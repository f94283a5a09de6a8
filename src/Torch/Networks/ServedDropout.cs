using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Networks;

/// <summary>
/// Lets the ordinary dropout modules of a network draw from a generator of ours, seeded by step, phase and shard: libtorch's
/// own is one for all threads of the process. Only modules that are <c>call</c>ed are served; <c>forward</c> bypasses every hook.
/// </summary>
internal static class ServedDropout
{
    // Of self-normalizing networks (Klambauer et al., 2017): what alpha dropout puts in place of a value.
    private const double Alpha = 1.7580993408473766;

    /// <summary>Makes a tensor whose numbers are each <paramref name="value"/> with the given probability, and 0 otherwise.</summary>
    public delegate Tensor MaskSource(long[] shape, double probability, float value);

    /// <summary>From now on; what the modules drop follows from <paramref name="mask"/>.</summary>
    public static void Attach(nn.Module network, MaskSource mask)
    {
        foreach (var module in network.modules().Prepend(network).Distinct())
        {
            switch (module)
            {
                case Dropout dropout:
                    Serve(dropout, values => Drop(values, dropout.p, values.shape, mask));
                    break;
                case Dropout1d dropout:
                    Serve(dropout, values => Drop(values, dropout.p, Channels(values, isBatch: values.dim() > 2), mask));
                    break;
                case Dropout2d dropout:
                    Serve(dropout, values => Drop(values, dropout.p, Channels(values, isBatch: true), mask));
                    break;
                case Dropout3d dropout:
                    Serve(dropout, values => Drop(values, dropout.p, Channels(values, isBatch: values.dim() > 4), mask));
                    break;
                case AlphaDropout dropout:
                    Serve(dropout, values => DropToAlpha(values, dropout.p, values.shape, mask));
                    break;
                case FeatureAlphaDropout dropout:
                    Serve(dropout, values => DropToAlpha(values, dropout.p, Channels(values, isBatch: true), mask));
                    break;
            }
        }
    }

    // While it is called, the module itself is in evaluation mode and passes its input on.
    private static void Serve(nn.Module<Tensor, Tensor> module, Func<Tensor, Tensor> drop)
    {
        var drops = false;
        module.register_forward_pre_hook((_, input) =>
        {
            drops = module.training;
            module.eval();
            return input;
        });
        module.register_forward_hook((_, _, output) =>
        {
            module.train(drops);
            return drops ? drop(output) : output;
        });
    }

    /// <summary>Each value is 0 with probability <paramref name="share"/>; the others are scaled up, so that the expected value stays the same (Srivastava et al., 2014).</summary>
    private static Tensor Drop(Tensor values, double share, long[] shape, MaskSource mask) => share switch
    {
        0 => values,
        1 => values * 0,
        _ => values * mask(shape, 1 - share, (float)(1 / (1 - share))),
    };

    private static Tensor DropToAlpha(Tensor values, double share, long[] shape, MaskSource mask)
    {
        if (share is 0 or 1)
        {
            return share == 0 ? values : values * 0;
        }
        var scale = 1 / Math.Sqrt((Alpha * Alpha * share + 1) * (1 - share));
        var kept = mask(shape, 1 - share, 1);
        return values * (kept * scale) + ((kept - 1) * (Alpha * scale) + Alpha * scale * share);
    }

    /// <summary>The shape of a mask with one value for each channel (of each sample).</summary>
    private static long[] Channels(Tensor values, bool isBatch)
    {
        var shape = values.shape;
        shape.AsSpan(isBatch ? 2 : 1).Fill(1);
        return shape;
    }
}
