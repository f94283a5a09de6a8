namespace Granary.Torch.Data;

/// <summary>A file to fetch, as its publisher made it.</summary>
/// <param name="Name">Where it is below its source; here it has the last part of it.</param>
/// <param name="Within">Of an archive: what lies below this path in it is unpacked beside it. Default: it is none.</param>
/// <param name="Length">Bytes, for progress before the server has answered; the checksum alone decides.</param>
public sealed record PublicFile(string Name, long Length, string Sha256, string? Within = null);

/// <summary>A public data set and where its originals are: <c>granary data get</c>.</summary>
/// <param name="Source">The address that file names are appended to; a mirror may take its place.</param>
public sealed record PublicData(string Name, string Summary, Uri Source, IReadOnlyList<PublicFile> Files)
{
    /// <summary>Those that can be fetched, by name.</summary>
    public static IReadOnlyList<PublicData> Known { get; } =
    [
        new("text8", "100 million letters of English Wikipedia, for word2vec", new("http://mattmahoney.net/dc/"),
        [
            new("text8.zip", 31_344_016, "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232"),
        ]),
        new("mnist", "70,000 handwritten digits of 28 x 28 pixels", new("https://ossci-datasets.s3.amazonaws.com/mnist/"),
        [
            new("train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            new("train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            new("t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            new("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ]),
        new("fashion-mnist", "70,000 pieces of clothing of 28 x 28 pixels", new("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
        [
            new("train-images-idx3-ubyte.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            new("train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            new("t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            new("t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ]),
        new("cifar-10", "60,000 colour pictures of 32 x 32 pixels in ten classes, for resnet", new("https://www.cs.toronto.edu/~kriz/"),
        [
            new("cifar-10-binary.tar.gz", 170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", "cifar-10-batches-bin/"),
        ]),
        new("cifar-100", "the same number of pictures in a hundred classes", new("https://www.cs.toronto.edu/~kriz/"),
        [
            new("cifar-100-binary.tar.gz", 168_513_733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", "cifar-100-binary/"),
        ]),
        new("hymenoptera", "397 photographs of ants and bees, for transfer", new("https://download.pytorch.org/tutorial/"),
        [
            new("hymenoptera_data.zip", 47_286_322, "fbc41b31d544714d18dd1230b1e2b455e1557766e13e67f9f5a7a23af7c02209", "hymenoptera_data/"),
        ]),
        new("imagenet-resnet18", "weights of a network trained on ImageNet's pictures, for transfer and style (--init); MIT", new("https://api.nuget.org/v3-flatcontainer/microsoft.ml.dnnimagefeaturizer.resnet18/0.23.1/"),
        [
            new("microsoft.ml.dnnimagefeaturizer.resnet18.0.23.1.nupkg", 59_500_419, "7679c0f8832902d64019b7c8f79784d02bcbbce008d22a5249bdef8e8f45cb73", "tools/DnnImageModels/ResNet18Onnx/"),
        ]),
        new("style-pictures", "a photograph and two paintings, for style", new("https://raw.githubusercontent.com/pytorch/examples/main/fast_neural_style/images/"),
        [
            new("content-images/amber.jpg", 108_086, "f1d583fd322c68de4d116408dcfcee3a137b53206fe7251313ec02ca8aa6d27c"),
            new("style-images/udnie.jpg", 39_795, "270be68e7c6c282c9edb62ab7bcd345b1fb6b6cebb5d1f10d9a2d21915f69a8a"),
            new("style-images/mosaic.jpg", 77_378, "17698add60e1ce8618103c04e6cdddc5ac21b82181a37b7517413f36a5b785a4"),
        ]),
        new("sst2", "9,613 sentences about films, good or bad, for sentiment", new("https://raw.githubusercontent.com/clairett/pytorch-sentiment-classification/master/data/SST2/"),
        [
            new("train.tsv", 720_259, "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920"),
            new("dev.tsv", 92_057, "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359"),
            new("test.tsv", 188_749, "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7"),
        ]),
        new("imdb", "50,000 reviews of films, good or bad, for sentiment", new("https://ai.stanford.edu/~amaas/data/sentiment/"),
        [
            new("aclImdb_v1.tar.gz", 84_125_825, "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe", "aclImdb/"),
        ]),
        new("nmt-en-cn", "18,167 pairs of English and Chinese sentences, for seq2seq", new("https://raw.githubusercontent.com/ZeweiChu/PyTorch-Course/master/notebooks/nmt/en-cn/"),
        [
            new("train.txt", 915_969, "095beee9f0a53abc942596ab34597aeafe41c1bf8632b22d31bb536d3445626f"),
            new("dev.txt", 112_878, "25b5b00cb8d4fbf44cceb560d92fabf6a3737ee162a6d329fa73b04957adea02"),
            new("test.txt", 114_291, "0c6627d67f895fde55ce4e873b6aaa88061a03e5acd7d18986058c2a48c6df91"),
        ]),
        new("tinyshakespeare", "a million letters of Shakespeare, for gpt and bert", new("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"),
        [
            new("input.txt", 1_115_394, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"),
        ]),
        new("wikitext-2", "two million words of Wikipedia, for lm, gpt and elmo", new("https://s3.amazonaws.com/research.metamind.io/wikitext/"),
        [
            new("wikitext-2-v1.zip", 4_475_746, "92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c", "wikitext-2/"),
        ]),
    ];

    /// <exception cref="DownloadException">No data set has this name; the message lists those there are.</exception>
    public static PublicData Named(string name) => Known.FirstOrDefault(data => data.Name == name)
        ?? throw new DownloadException($"No public data set is named '{name}'. Known: {string.Join(", ", Known.Select(data => data.Name))}.");
}
