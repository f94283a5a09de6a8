using Granary.Torch;
using Granary.Torch.Data.Images;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models;

/// <summary>
/// What a network has learned from many images, put to use on few: it begins with the weights of <c>--init</c>, a run of <c>resnet</c> or ImageNet's, and
/// with a last layer of its own. Either all of it learns on, or that layer alone. Without <c>--init</c> it learns everything from nothing, to compare with.
/// </summary>
[Learner("transfer", "a trained network (--init) learns other classes from few images; data: a folder a class; built in: drawn shapes", DataSet = "hymenoptera", Data = typeof(ImageData), InitMap = ["?fc.*=", "=fc.*"], Epochs = 10)]
public sealed class Transfer(LearnerContext context) : ImageClassifier<TransferSettings>(context, DrawnImages.FewShapes)
{
    public override void Initialize(nn.Module network, ulong seed)
    {
        base.Initialize(network, seed);
        ((IImageBody)network).Initialize(seed);
    }

    protected override nn.Module<Tensor, Tensor> Build(ImageShape shape, int classes)
    {
        nn.Module<Tensor, Tensor> network = Settings.Body == "imagenet" ? new ImageNetNetwork(classes) : new ResidualNetwork(Settings, shape, classes);
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

public sealed record TransferSettings : ResNetSettings
{
    public TransferSettings() => (Batch, LearningRate, Schedule, WeightDecay, Nesterov, Shift) = (16, 3e-3, "linear", 1e-4, false, 0);

    [Setting("what learns: all of the network, or its last layer alone, with everything before it as it begins", Choices = ["all", "head"])]
    public string Train { get; init; } = "all";

    [Setting("the network: one of the task resnet, by the settings below, or the one whose weights 'granary data get imagenet-resnet18' brings", Choices = ["resnet", "imagenet"])]
    public string Body { get; init; } = "resnet";
}
