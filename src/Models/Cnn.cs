using Granary.Models.Images;
using Granary.Torch;
using Granary.Torch.Data.Images;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// A small convolutional network in the manner of LeNet-5 (LeCun et al., 1998), with batch normalization, which sees its shard: the
/// result depends on the number of shards, never on that of workers.
/// </summary>
[Learner("cnn", "a small convolutional network tells images apart; data: MNIST's or CIFAR's format, or a folder a class; built in: drawn digits", DataSet = "mnist", Data = typeof(ImageData), Epochs = 2)]
public sealed class Cnn(LearnerContext context) : ImageClassifier<CnnSettings>(context, DrawnImages.Digits)
{
    private const int Kernel = 5;

    protected override nn.Module<Tensor, Tensor> Build(ImageShape shape, int classes)
    {
        var (first, second) = (Settings.Maps, Settings.Maps * 5 / 2);
        return new ImageLayers(
            ("conv1", nn.Conv2d(shape.Colours, first, Kernel)), ("norm1", nn.BatchNorm2d(first)), ("relu1", nn.ReLU()), ("pool1", nn.MaxPool2d(2)),
            ("conv2", nn.Conv2d(first, second, Kernel)), ("norm2", nn.BatchNorm2d(second)), ("relu2", nn.ReLU()), ("pool2", nn.MaxPool2d(2)),
            ("flatten", nn.Flatten()),
            ("hidden", nn.Linear(second * Left(shape.Height) * Left(shape.Width), Settings.Hidden)), ("relu3", nn.ReLU()),
            ("output", nn.Linear(Settings.Hidden, classes)));
    }

    /// <summary>Pixels of a side that two convolutions and poolings leave.</summary>
    private static int Left(int side) => ((side - Kernel + 1) / 2 - Kernel + 1) / 2 is > 0 and var left
        ? left
        : throw new TaskSettingException($"Images of {side} pixels are too small for this network: --set size=28, say.");
}

public sealed record CnnSettings : ImageClassifierSettings
{
    public CnnSettings() => (Optimizer, LearningRate, Momentum) = ("sgd", 0.01, 0.9);

    [Setting("feature maps of the first convolution; the second has two and a half times as many", Min = 2, Max = 1 << 12)]
    public int Maps { get; init; } = 20;

    [Setting("hidden units behind the convolutions", Min = 1, Max = 1 << 16)]
    public int Hidden { get; init; } = 500;
}
