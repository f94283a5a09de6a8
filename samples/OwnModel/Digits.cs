// B batch, H height, W width
using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Data.Images;
using Granary.Torch.Onnx;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace OwnModel;

/// <summary>A small convolutional network reads digits. Ordinary modules, batch normalization and dropout among them.</summary>
[Learner("digits", "a small convolutional network reads digits", DataSet = "mnist", Data = typeof(ImageData), Epochs = 3)]
public sealed class Digits(LearnerContext context) : NetworkLearner<DigitsSettings, Examples>(context), IOnnxLearner
{
    private const string Accuracy = "accuracy";
    private readonly Lazy<ImageData> images = new(() => ImageData.Load(context.Spec.Data));

    public override string Unit => "images";

    public override Measure Measure => new("validation.accuracy", LowerIsBetter: false, Occasional: true);

    public void Describe(OnnxGraph graph) => graph.Output("logits", graph.Add(Network, graph.Input("images", "batch", 1, 28, 28)), "batch", 10);

    protected override nn.Module<Tensor, Tensor> Network { get; } = nn.Sequential(
        ("conv1", nn.Conv2d(1, 8, 5, padding: 2)), ("norm1", nn.BatchNorm2d(8)), ("relu1", nn.ReLU()), ("pool1", nn.MaxPool2d(2)),
        ("conv2", nn.Conv2d(8, 16, 5, padding: 2)), ("norm2", nn.BatchNorm2d(16)), ("relu2", nn.ReLU()), ("pool2", nn.MaxPool2d(2)),
        ("flat", nn.Flatten()), ("drop", nn.Dropout(0.3)), ("output", nn.Linear(16 * 7 * 7, 10)));

    protected override Func<IBatches<Examples>> Training => () => new ShuffledBatches<Examples>(images.Value.Train.Count, Settings.Batch, Spec, (chosen, _) => images.Value.Train.ToExamples(chosen, images.Value.ShapeFor(28)));

    protected override Func<IBatches<Examples>> Validation => () => new OrderedBatches<Examples>(images.Value.HeldOut.Count, Settings.Batch, Spec, chosen => images.Value.HeldOut.ToExamples(chosen, images.Value.ShapeFor(28)));

    protected override IReadOnlyList<string> Judged => [Loss, Accuracy];

    protected override Tensor LossSum(Examples batch, ShardPass pass) => Against(batch.Targets, Network.call(batch.Inputs), pass);

    protected override void Judge(Examples batch, ShardPass pass)
    {
        var logits = Network.call(batch.Inputs);
        pass.Add(Loss, Against(batch.Targets, logits, pass));
        pass.Add(Accuracy, logits.argmax(1).eq(batch.Targets).sum());
    }

    private static Tensor Against(Tensor labels_B, Tensor logits, ShardPass pass)
    {
        pass.Weight += labels_B.numel();
        return nn.functional.cross_entropy(logits, labels_B, reduction: nn.Reduction.Sum);
    }
}

public sealed record DigitsSettings : NetworkSettings;
