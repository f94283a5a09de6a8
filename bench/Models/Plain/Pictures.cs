// B batch, C channels, X Y places
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Granary.Bench.Models.Plain;

/// <summary>The models that say what a picture shows.</summary>
internal static class Pictures
{
    public static Action Cnn()
    {
        var net = Sequential(
            Conv2d(1, 20, 5), BatchNorm2d(20), ReLU(), MaxPool2d(2), Conv2d(20, 50, 5), BatchNorm2d(50), ReLU(), MaxPool2d(2),
            Flatten(), Linear(800, 500), ReLU(), Linear(500, 10));
        return Classifying(net, optim.SGD(net.parameters(), 0.01, momentum: 0.9), randn(64, 1, 28, 28), 10);
    }

    public static Action Resnet()
    {
        var net = Residual([Conv2d(3, 32, 3, 1, 1, bias: false), BatchNorm2d(32), ReLU(true)], [2, 2, 2, 2], 32, 10);
        return Classifying(net, optim.SGD(net.parameters(), 0.05, momentum: 0.9, weight_decay: 5e-4, nesterov: true), randn(64, 3, 32, 32), 10);
    }

    public static Action Transfer()
    {
        var net = Residual([Conv2d(3, 64, 7, 2, 3, bias: false), BatchNorm2d(64), ReLU(true), MaxPool2d(3, 2, 1)], [2, 2, 2, 3], 64, 2);
        return Classifying(net, optim.SGD(net.parameters(), 0.003, momentum: 0.9, weight_decay: 1e-4), randn(16, 3, 128, 128), 2);
    }

    private static Action Classifying(Sequential net, optim.Optimizer optimizer, Tensor inputs_BCXY, int classes)
    {
        var labels_B = randint(classes, [inputs_BCXY.shape[0]], int64);
        return PlainModel.Stepping(net.parameters(), optimizer, () => functional.cross_entropy(net.call(inputs_BCXY), labels_B));
    }

    private static Sequential Residual(Module<Tensor, Tensor>[] stem, int[] blocks, int width, int classes)
    {
        List<Module<Tensor, Tensor>> layers = [.. stem];
        var before = width;
        foreach (var (stage, count) in blocks.Index())
        {
            for (var number = 0; number < count; number++)
            {
                layers.Add(new Block(before, width << stage, stage > 0 && number == 0 ? 2 : 1));
                before = width << stage;
            }
        }
        return Sequential([.. layers, AdaptiveAvgPool2d(1), Flatten(), Linear(before, classes)]);
    }

    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1, conv2;
        private readonly BatchNorm2d norm1, norm2;
        private readonly Sequential? skip;

        public Block(int before, int after, int stride) : base(nameof(Block))
        {
            (conv1, norm1) = (Conv2d(before, after, 3, stride, 1, bias: false), BatchNorm2d(after));
            (conv2, norm2) = (Conv2d(after, after, 3, 1, 1, bias: false), BatchNorm2d(after));
            skip = stride > 1 || before != after ? Sequential(Conv2d(before, after, 1, stride, bias: false), BatchNorm2d(after)) : null;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x_BCXY)
        {
            var y_BCXY = norm2.call(conv2.call(functional.relu(norm1.call(conv1.call(x_BCXY)), inplace: true)));
            return functional.relu(y_BCXY.add_(skip?.call(x_BCXY) ?? x_BCXY), inplace: true);
        }
    }
}
