namespace Granary.Bench.Quality;

/// <summary>A training whose result is known of PyTorch: the same data, the same settings.</summary>
/// <param name="Name">As it stands in the table.</param>
/// <param name="Data">The folder or file of its data in the data folder; empty: it needs none.</param>
/// <param name="Arguments">Of <c>granary train</c>, besides data, seed and output. A word that begins with <c>@</c> is a path in the data folder.</param>
/// <param name="Metrics">What is told of it.</param>
/// <param name="Reference">What PyTorch 2.6 has reached, by seed or as a mean.</param>
internal sealed record QualityCase(string Name, string Data, string Arguments, string[] Metrics, string Reference)
{
    public static IReadOnlyList<QualityCase> All { get; } =
    [
        new("cnn, MNIST", "mnist", "cnn --shards 1", ["validation.accuracy"], ".9895"),
        new("cnn, MNIST, 4 shards", "mnist", "cnn --shards 4", ["validation.accuracy"], ".9891"),
        new("cnn, Fashion-MNIST", "fashion-mnist", "cnn --shards 1", ["validation.accuracy"], ".8795"),
        new("resnet, CIFAR-10 subset", "cifar10-subset", "resnet --shards 1", ["validation.accuracy"], ".450"),
        new("transfer, nothing", "hymenoptera-224", "transfer --shards 1 --epochs 5 --set depth=18 --set width=64 --set size=128 --set learning-rate=0.02 --set mirror=true", ["validation.accuracy"], ".556"),
        new("transfer, head", "hymenoptera-224", "transfer --shards 1 --epochs 8 --set body=imagenet --set train=head --set size=128 --set learning-rate=0.01 --init @imagenet-resnet18", ["validation.accuracy"], ".882"),
        new("transfer, all", "hymenoptera-224", "transfer --shards 1 --epochs 4 --set body=imagenet --set size=128 --set learning-rate=0.001 --init @imagenet-resnet18", ["validation.accuracy"], ".869 .830"),
        new("style, random features", "style/amber.jpg", "style --shards 1 --steps 150 --set style=@style/udnie.jpg", ["style", "content"], ".022, .147"),
        new("style, ImageNet's features", "style/amber.jpg", "style --shards 1 --steps 150 --set style=@style/udnie.jpg --set body=imagenet --init @imagenet-resnet18", ["style", "content"], ".193, .286"),
        new("dcgan, MNIST", "mnist", "dcgan --shards 1 --steps 500", ["loss.discriminator", "loss.generator", "score.real", "score.fake"], ".262, 3.56, .913, .052"),
    ];
}
