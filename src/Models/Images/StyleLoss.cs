// B batch, K feature maps, H height, W width, P = H W
using Granary.Torch;
using Granary.Torch.Data.Images;
using Granary.Torch.Runtime;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Images;

/// <summary>
/// How far pictures are from showing one picture in the style of another (Gatys et al., 2015), by the features of a network that stands still:
/// those of a deep layer say what a picture shows, the products of maps with each other (Gram's matrices) in what style.
/// </summary>
internal sealed class StyleLoss : IDisposable
{
    /// <summary>The parts of the loss, as sums of a phase.</summary>
    public static readonly string[] Sums = ["content", "style", "smoothness"];

    private readonly StyleSettings settings;
    private readonly Func<Tensor> style;
    private Tensor[]? wanted;
    private Tensor? remembered;

    /// <param name="style">Makes the picture whose style is wanted, 1 x K x H x W.</param>
    public StyleLoss(StyleSettings settings, Func<Tensor> style)
    {
        (this.settings, this.style) = (settings, style);
        Features = settings.Body switch
        {
            "imagenet" => new ImageNetNetwork(classes: 2),
            "resnet" => new ResidualNetwork(settings.Depth, settings.Width, "auto", new(3, settings.Size, settings.Size), classes: 2),
            var vgg => new VggNetwork(isLarge: vgg == "vgg19"),
        };
        foreach (var parameter in Features.parameters())
        {
            parameter.requires_grad_(false);
        }
    }

    /// <summary>The network that looks at pictures.</summary>
    public nn.Module<Tensor, Tensor> Features { get; }

    private IImageBody Body => (IImageBody)Features;

    /// <summary>The picture whose style is wanted: what the setting names, or one that is drawn.</summary>
    public static Tensor Style(StyleSettings settings)
    {
        var picture = settings.Style.Length > 0 ? Picture.Read(settings.Style) : DrawnPictures.Pattern(settings.Size);
        return picture.ToTensor(new(3, settings.Size, settings.Size));
    }

    /// <summary>The loss, summed over the pictures, whose parts are added to the pass's sums.</summary>
    /// <param name="content_BKHW">What they shall show.</param>
    /// <param name="always">Whether that is the same at every call.</param>
    public Tensor Sum(Tensor pictures_BKHW, Tensor content_BKHW, ShardPass pass, bool always = false)
    {
        var maps = Body.Maps(pictures_BKHW);
        var deep = Math.Min(settings.ContentLayer, maps.Length) - 1;
        Tensor shown, layer = maps[deep];
        using (no_grad())
        {
            // What is kept must not depend on who asks first, a step under autocast or a measurement.
            using (Autocast.Pause())
            {
                wanted ??= [.. Body.Maps(style().to(pictures_BKHW.device)).Select(map => GramMatrix.Of(map).DetachFromDisposeScope())];
                remembered ??= always ? Body.Maps(content_BKHW)[deep].DetachFromDisposeScope() : null;
            }
            shown = remembered ?? Body.Maps(content_BKHW)[deep];
        }
        var content = (layer - shown).square().mean([1, 2, 3]) / shown.square().mean([1, 2, 3]);
        var styles = maps.Take(settings.StyleLayers).Zip(wanted).Select(pair => (GramMatrix.Of(pair.First) - pair.Second).square().sum([1, 2]) / pair.Second.square().sum());
        Tensor[] parts = [content.sum() * settings.ContentWeight, styles.Aggregate((a, b) => a + b).sum() * settings.StyleWeight, Roughness(pictures_BKHW) * settings.Smoothness];
        for (var i = 0; i < parts.Length; i++)
        {
            pass.Add(Sums[i], parts[i].detach());
        }
        return parts[0] + parts[1] + parts[2];
    }

    public void Dispose()
    {
        remembered?.Dispose();
        foreach (var gram in wanted ?? [])
        {
            gram.Dispose();
        }
    }

    /// <summary>How much neighbouring pixels differ (total variation), a mean for each picture; summed.</summary>
    private static Tensor Roughness(Tensor pictures_BKHW) => pictures_BKHW.diff(dim: 2).square().mean([1, 2, 3]).sum() + pictures_BKHW.diff(dim: 3).square().mean([1, 2, 3]).sum();
}

public record StyleSettings : NetworkSettings
{
    [Setting("pixels of either side of the pictures", Min = 16, Max = 1 << 12)]
    public int Size { get; init; } = 128;

    [Setting("the picture whose style is wanted; nothing: a pattern that is drawn", IsPath = true)]
    public string Style { get; init; } = "";

    [Setting("the network that looks at pictures: small (random weights will do), vgg19, resnet (a run of that task), or imagenet (what 'granary data get imagenet-resnet18' brings); its weights come by --init", Choices = ["small", "vgg19", "resnet", "imagenet"])]
    public string Body { get; init; } = "small";

    [Setting("layers of a body that is a resnet", Choices = ["18", "34", "50"])]
    public string Depth { get; init; } = "18";

    [Setting("feature maps of the first stage of a body that is a resnet", Min = 4, Max = 1 << 10)]
    public int Width { get; init; } = 16;

    [Setting("the stage, from 1, by which it is told what a picture shows", Min = 1, Max = 5)]
    public int ContentLayer { get; init; } = 3;

    [Setting("stages, from the first on, by which its style is told", Min = 1, Max = 5)]
    public int StyleLayers { get; init; } = 4;

    [Setting("weight of what the picture shows", Min = 0, Max = 1e6)]
    public double ContentWeight { get; init; } = 1;

    [Setting("weight of its style", Min = 0, Max = 1e6)]
    public double StyleWeight { get; init; } = 1;

    [Setting("weight of the differences between neighbouring pixels", Min = 0, Max = 1e6)]
    public double Smoothness { get; init; }

    [Setting("steps between pictures; 0: every 25", Min = 0)]
    public int SamplesEvery { get; init; }
}
