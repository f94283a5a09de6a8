// T time, B batch, W width of both directions
using Granary.Torch.Data.Texts;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Texts;

/// <summary>
/// The body of an elmo model as a frozen part of another, which learns how to mix its layers (Peters et al., 2018). Each layer is normalized first: small
/// values would teach slowly.
/// </summary>
internal sealed class ContextualVectors : nn.Module
{
    private readonly ElmoBody body;
    private readonly Parameter mix = nn.Parameter(zeros(3)), scale = nn.Parameter(ones(1));

    public ContextualVectors(ElmoBody body, int length) : base("contextual")
    {
        (this.body, Length) = (body, length);
        foreach (var parameter in body.parameters())
        {
            parameter.requires_grad = false;
        }
        RegisterComponents();
    }

    public ElmoBody Body => body;

    /// <summary>Numbers in a vector.</summary>
    public int Length { get; }

    /// <returns>T x B x W.</returns>
    public Tensor Forward(PaddedTexts texts)
    {
        var shares = (mix.softmax(0) * scale).unbind(0);
        return body.Contextual(texts).Zip(shares, (layer_TBW, share) => nn.functional.layer_norm(layer_TBW, [Length]) * share).Aggregate((sum, layer) => sum + layer);
    }
}
