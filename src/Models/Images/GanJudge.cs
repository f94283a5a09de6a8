// B batch, K colours, H height, W width
using Granary.Torch;
using Granary.Torch.Networks;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>What GANs of any kind have in common: what comes of a discriminator's logits, and how far made images are from real ones.</summary>
internal sealed class GanJudge(int colours) : IDisposable
{
    private readonly RandomFeatures features = new(colours);
    private readonly FrechetDistance distance = new(RandomFeatures.Count);

    /// <summary>Names of what <see cref="Compare"/> adds up.</summary>
    public IReadOnlyList<string> Sums => distance.Sums;

    /// <summary>The loss of having to say that all of these are real, or that none is; summed.</summary>
    public static Tensor Says(Tensor logits, bool real) => nn.functional.binary_cross_entropy_with_logits(
        logits.to(float32), full(logits.shape, real ? 1f : 0, device: logits.device), reduction: nn.Reduction.Sum);

    /// <summary>The probability of being real, summed.</summary>
    public static Tensor Score(Tensor logits) => logits.detach().to(float32).sigmoid().sum();

    public void Compare(Tensor real_BKHW, Tensor made_BKHW, ShardPass pass)
    {
        distance.Add(features.Of(real_BKHW), real: true, pass);
        distance.Add(features.Of(made_BKHW), real: false, pass);
    }

    public void Report(Totals totals, Metrics metrics) => metrics[$"{totals.Phase}.distance"] = distance.Of(totals);

    public void Dispose() => features.Dispose();
}
