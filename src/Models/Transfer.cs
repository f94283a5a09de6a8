using Granary.Models.HuggingFace;
using Granary.Models.Images;
using Granary.Torch;
using Granary.Torch.Data.Images;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// What a network has learned from many images, put to use on few: it begins with the weights of <c>--init</c>, a run of <c>resnet</c> or ImageNet's, and
/// with a last layer of its own. Either all of it learns on, or that layer alone. Without <c>--init</c> it learns everything from nothing, to compare with.
/// </summary>
[Learner("transfer", "a trained network (--init) learns other classes from few images; data: a folder a class; built in: drawn shapes", DataSet = "hymenoptera", Data = typeof(ImageData), InitMap = ["?fc.*=", "=fc.*"], HuggingFace = typeof(ResNetFormat), Epochs = 10)]
public sealed class Transfer(LearnerContext context) : ImageClassifier<TransferSettings>(context, DrawnImages.FewShapes)
{
    public override void Initialize(nn.Module network, ulong seed)
    {
        base.Initialize(network, seed);
        ((IImageBody)network).Initialize(seed);
    }

    protected override nn.Module<Tensor, Tensor> Build(ImageShape shape, int classes)
    {
        nn.Module<Tensor, Tensor> network = Settings.Body == "imagenet" ? new ImageNetNetwork(classes) : new ResidualNetwork(Settings.Depth, Settings.Width, Settings.Stem, shape, classes);
        if (Settings.Train == "head")
        {
            foreach (var parameter in network.parameters())
            {
                parameter.requires_grad_(false);
            }
            foreach (var parameter in ((IImageBody)network).Head.parameters())
            {
                parameter.requires_grad_(true);
            }
        }
        return network;
    }
}

public sealed record TransferSettings : ResNetSettings
{
    public TransferSettings() => (Batch, LearningRate, Schedule, WeightDecay, Nesterov, Shift) = (16, 3e-3, "linear", 1e-4, false, 0);

    [Setting("what learns: all of the network, or its last layer alone, with everything before it as it begins", Choices = ["all", "head"])]
    public string Train { get; init; } = "all";

    [Setting("the network: one of the task resnet, by the settings below, or the one whose weights 'granary data get imagenet-resnet18' brings", Choices = ["resnet", "imagenet"])]
    public string Body { get; init; } = "resnet";
}
