using Granary.Torch;
using Granary.Training.Tasks;

namespace Granary.Models.Texts;

/// <summary>The settings of a model that reads text with a transformer.</summary>
public abstract record TransformerSettings : NetworkSettings
{
    [Setting("tokens that are seen at once", Min = 1, Max = 1 << 16)]
    public int Context { get; init; } = 64;

    [Setting("layers", Min = 1, Max = 1024)]
    public int Layers { get; init; } = 4;

    [Setting("attention heads of a layer; they share its width", Min = 1, Max = 1024)]
    public int Heads { get; init; } = 4;

    [Setting("length of a token's vector, a multiple of the heads", Min = 1, Max = 1 << 16)]
    public int Width { get; init; } = 128;

    [Setting("share of the values dropped after the embedding, of the attention, and in each layer", Min = 0, Max = 0.99)]
    public double Dropout { get; init; }
}
