using Granary.Models.HuggingFace;
using Granary.Models.Images;
using Granary.Torch;
using Granary.Torch.Data.Images;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// A residual network (He et al., 2016) with 18, 34 or 50 layers, whose parts are named as torchvision names them. Batch normalization sees its
/// shard: the result depends on the number of shards, never on that of workers.
/// </summary>
[Learner("resnet", "a residual network tells images apart; data: CIFAR's or MNIST's format, or a folder a class; built in: drawn shapes", DataSet = "cifar-10", Data = typeof(ImageData), HuggingFace = typeof(ResNetFormat), Epochs = 8)]
public sealed class ResNet(LearnerContext context) : ImageClassifier<ResNetSettings>(context, DrawnImages.Shapes)
{
    public override void Initialize(nn.Module network, ulong seed)
    {
        base.Initialize(network, seed);
        ((ResidualNetwork)network).Initialize(seed);
    }

    protected override nn.Module<Tensor, Tensor> Build(ImageShape shape, int classes) => new ResidualNetwork(Settings.Depth, Settings.Width, Settings.Stem, shape, classes);
}

public record ResNetSettings : ImageClassifierSettings
{
    // For pictures of few pixels, as in He et al.'s experiments on CIFAR-10, but with a rate that rises and falls once.
    public ResNetSettings() => (Optimizer, LearningRate, Momentum, Nesterov, WeightDecay, Schedule, Shift, Mirror) = ("sgd", 0.05, 0.9, true, 5e-4, "one-cycle", 4, true);

    [Setting("layers", Choices = ["18", "34", "50"])]
    public string Depth { get; init; } = "18";

    [Setting("feature maps of the first stage; the original has 64", Min = 4, Max = 1 << 10)]
    public int Width { get; init; } = 16;

    [Setting("how it begins: with a convolution that keeps every pixel (small), or with one that takes a quarter of each side (large); auto: by the images' size", Choices = ["auto", "small", "large"])]
    public string Stem { get; init; } = "auto";
}
