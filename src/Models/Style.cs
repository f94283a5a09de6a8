// B batch, K colours, H height, W width
using Granary.Models.Images;
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Data.Images;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// Style transfer by the picture itself (Gatys et al., 2015): its pixels are what learns, from showing one picture in the style of another. One sample,
/// hence one shard has something to do. To paint any picture at once, train <see cref="StyleNetwork"/>.
/// </summary>
[Learner("style", "paints a picture (--data) in the style of another (--set style=); built in: drawn pictures", InitMap = ["?fc.*=", "?=fc.*", "=picture.*"], Epochs = 150)]
public sealed class Style : Learner<PictureStyleSettings>, IPicture
{
    private const int Between = 25;
    private readonly Canvas canvas;
    private readonly StyleLoss loss;

    public Style(LearnerContext context) : base(context)
    {
        canvas = new(Settings.Size);
        loss = new(Settings, () => StyleLoss.Style(Settings));
        Networks = [("picture", canvas), ("", loss.Features)];
        Phases = [new LearningPhase<Examples>("paint", Settings, [canvas], () => new FixedBatch(new(Content().DetachFromDisposeScope(), zeros(1).DetachFromDisposeScope()), Spec), Paint) { Sums = StyleLoss.Sums }];
    }

    public override IReadOnlyList<(string Name, nn.Module Module)> Networks { get; }

    public override IReadOnlyList<Phase> Phases { get; }

    public override string Unit => "pictures";

    public override void Initialize(nn.Module network, ulong seed)
    {
        if (network is IImageBody body)
        {
            base.Initialize(network, seed);
            body.Initialize(seed);
        }
        else if (!Context.ForUse)
        {
            using var content_BKHW = Content();
            using var gradients = no_grad();
            canvas.Pixels.copy_(content_BKHW);
        }
    }

    public override bool SamplesDue(long step) => (step + 1) % (Settings.SamplesEvery > 0 ? Settings.SamplesEvery : Between) == 0 || step + 1 == TotalSteps;

    public override void WriteSamples(string folder, long step) => File.WriteAllBytes(Path.Combine(folder, $"step-{step + 1:D8}.png"), ToPng());

    public byte[] ToPng() => Use(() => Picture.From(canvas.Picture[0]).ToPng());

    public override void Dispose()
    {
        loss.Dispose();
        base.Dispose();
    }

    private Tensor Paint(Examples content, ShardPass pass)
    {
        pass.Weight += 1;
        return loss.Sum(canvas.Picture, content.Inputs, pass, always: true);
    }

    private Tensor Content()
    {
        var picture = Spec.Data is { } path ? Picture.Read(path) : DrawnPictures.Scene(Settings.Size, number: 0);
        return picture.ToTensor(new(3, Settings.Size, Settings.Size));
    }

    /// <summary>A network that is nothing but a picture.</summary>
    private sealed class Canvas : nn.Module
    {
        private readonly Parameter pixels;

        public Canvas(int size) : base("canvas")
        {
            pixels = new(zeros(1, 3, size, size));
            RegisterComponents();
        }

        public Parameter Pixels => pixels;

        // No brighter than white, no darker than black.
        public Tensor Picture => pixels.clamp(-1, 1);
    }
}

public sealed record PictureStyleSettings : StyleSettings
{
    public PictureStyleSettings() => LearningRate = 0.1;
}
