using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>A network of which more is wanted than what its last layer says.</summary>
internal interface IImageBody
{
    /// <summary>Its last layer.</summary>
    Linear Head { get; }

    /// <summary>What its stages give, from the first to the last: B x K x H x W, ever more maps of ever fewer places.</summary>
    Tensor[] Maps(Tensor images_BKHW);

    /// <summary>Convolutions normally distributed, by the maps that each gives (He et al., 2015).</summary>
    void Initialize(ulong seed);
}
