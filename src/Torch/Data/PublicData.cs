namespace Granary.Torch.Data;

/// <summary>A file to fetch, as its publisher made it.</summary>
/// <param name="Length">Bytes, for progress before the server has answered; the checksum alone decides.</param>
public sealed record PublicFile(string Name, long Length, string Sha256);

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
    ];

    /// <exception cref="DownloadException">No data set has this name; the message lists those there are.</exception>
    public static PublicData Named(string name) => Known.FirstOrDefault(data => data.Name == name)
        ?? throw new DownloadException($"No public data set is named '{name}'. Known: {string.Join(", ", Known.Select(data => data.Name))}.");
}
