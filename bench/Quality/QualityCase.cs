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
        new("cnn, MNIST", "mnist", "cnn --shards 1", ["validation.accuracy"], ".9895 .9902 .9886"),
        new("cnn, MNIST, 4 shards", "mnist", "cnn --shards 4", ["validation.accuracy"], ".9891"),
        new("cnn, Fashion-MNIST", "fashion-mnist", "cnn --shards 1", ["validation.accuracy"], ".8795"),
        new("resnet, CIFAR-10 subset", "cifar10-subset", "resnet --shards 1 --set width=32", ["validation.accuracy"], ".450"),
        new("transfer, nothing", "hymenoptera-224", "transfer --shards 1 --epochs 5 --set depth=18 --set width=64 --set size=128 --set learning-rate=0.02 --set mirror=true", ["validation.accuracy"], ".556"),
        new("transfer, head", "hymenoptera-224", "transfer --shards 1 --epochs 8 --set body=imagenet --set train=head --set size=128 --set learning-rate=0.01 --init @imagenet-resnet18", ["validation.accuracy"], ".882"),
        new("transfer, all", "hymenoptera-224", "transfer --shards 1 --epochs 4 --set body=imagenet --set size=128 --set learning-rate=0.001 --init @imagenet-resnet18", ["validation.accuracy"], ".869 .830"),
        new("style, random features", "style/amber.jpg", "style --shards 1 --steps 150 --set style=@style/udnie.jpg", ["style", "content"], ".022, .147"),
        new("style, ImageNet's features", "style/amber.jpg", "style --shards 1 --steps 150 --set style=@style/udnie.jpg --set body=imagenet --init @imagenet-resnet18", ["style", "content"], ".193, .286"),
        new("dcgan, MNIST", "mnist", "dcgan --shards 1 --steps 500", ["loss.discriminator", "loss.generator", "score.real", "score.fake"], ".262, 3.56, .913, .052"),
        new("gpt, characters", "tinyshakespeare/input.txt", "gpt --shards 1 --steps 2000", ["validation.loss"], "1.898 1.911 1.911"),
        new("gpt, byte pairs", "wikitext-2-small", "gpt --shards 1 --steps 1500 --set tokens=bpe --set vocabulary=2000 --set dropout=0.1", ["validation.loss", "validation.bits-per-byte"], "4.421, 2.117"),
        new("bert, characters", "tinyshakespeare/input.txt", "bert --shards 1 --steps 2000", ["validation.loss", "validation.accuracy"], "1.904 2.031, .455 .424"),
        new("seq2seq, plain", "nmt-en-cn", "seq2seq --shards 1 --epochs 4 --set attention=none", ["validation.loss", "validation.bleu"], "3.467, 0.8"),
        new("seq2seq, Luong", "nmt-en-cn", "seq2seq --shards 1 --epochs 4", ["validation.loss", "validation.bleu"], "2.982, 7.5"),
        new("elmo, words", "wiki8/wiki8.zip", "elmo --shards 1 --steps 800 --set vocabulary=5000 --set words=1000000", ["validation.perplexity.forwards", "validation.perplexity.backwards"], "167, 167"),
        new("sentiment, averaged words", "sst2", "sentiment --shards 1 --epochs 6 --set model=wordavg", ["validation.accuracy"], ".805 .801 .792"),
        new("sentiment, convolutions", "sst2", "sentiment --shards 1 --epochs 5 --set model=cnn", ["validation.accuracy"], ".791 .784 .776"),
        new("sentiment, GRU", "sst2", "sentiment --shards 1 --epochs 5 --set model=rnn --set cell=gru", ["validation.accuracy"], ".799 .779"),
        new("sentiment, LSTM", "sst2", "sentiment --shards 1 --epochs 5 --set model=rnn --set cell=lstm", ["validation.accuracy"], ".796 .795"),
    ];
}
