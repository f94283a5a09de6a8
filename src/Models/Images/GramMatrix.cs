// B batch, K feature maps, H height, W width, P = H W
using Granary.Torch.Devices;
using Granary.Torch.Operations;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>Products of all maps with each other, by their size: B x K x K. It is symmetric, so that one product is enough for its gradient.</summary>
internal sealed class GramMatrix : HandGradient
{
    private readonly Tensor maps_BPK;
    private readonly double share;

    private GramMatrix(Tensor maps_BPK) => (this.maps_BPK, share) = (maps_BPK, 1.0 / (maps_BPK.size(1) * maps_BPK.size(2)));

    public static Tensor Of(Tensor maps_BKHW)
    {
        var maps_BPK = maps_BKHW.permute(0, 2, 3, 1).flatten(1, 2);
        var product = new GramMatrix(maps_BPK);
        return ReplicaDevice.Current.IsHost ? product.Apply([maps_BPK]) : product.Forward();
    }

    protected override Tensor Forward() => maps_BPK.transpose(1, 2).matmul(maps_BPK) * share;

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient) => [maps_BPK.matmul((gradient + gradient.transpose(1, 2)) * share)];
}
