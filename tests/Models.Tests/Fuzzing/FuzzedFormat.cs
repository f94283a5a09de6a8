using System.IO.Compression;
using System.Text;
using CsCheck;
using Granary.Models.Word2Vec;
using Granary.Tests.Fakes;
using Granary.Torch.Data;
using Granary.Torch.Data.Images;
using Granary.Torch.Data.Texts;
using Granary.Training.Checkpoints;
using Granary.Training.Numerics;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Fuzzing;

/// <summary>A format, its reader, and files of it that are good.</summary>
/// <param name="FileName">Under which the reader finds it.</param>
/// <param name="Read">Is given the folder.</param>
/// <param name="Finish">What befalls the file after it was changed: it is packed, or signed. Default: nothing.</param>
internal sealed record FuzzedFormat(string FileName, byte[][] Good, Action<string> Read, Func<byte[], byte[]>? Finish = null, bool IsJson = false)
{
    private static readonly byte[][] texts =
    [
        [.. "the cat sat on the mat\nthe dog sat on the log\n"u8],
        [.. "\uFEFFcaf\u00e9 \u6f22\u5b57 <unk> <eos> \U0001F600\r\n\tx  y\n\n"u8],
        [.. "caf"u8, 0xE9, .. " caf"u8, 0xE8],
        Encoding.ASCII.GetBytes(string.Join(' ', Enumerable.Range(0, 20_000))),
    ];

    // What packs to a hundredth is believed; these pack to a thousandth.
    private static readonly byte[][] bombs = [new byte[32 << 20], [.. Enumerable.Repeat((byte)'\n', 32 << 20)]];

    private static readonly Dictionary<string, byte[]> checkpoint = Checkpoint();

    private static readonly byte[] images = [0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 2, .. new byte[120]];

    public static IReadOnlyList<FuzzedFormat> Known { get; } = [.. All()];

    public static Gen<(FuzzedFormat Format, byte[] File)> Any { get; } = Gen.OneOf([.. Known.Select(format => format.Files)]);

    /// <summary>The first of the good files, as it is.</summary>
    public byte[] Unchanged => Finished(IsJson ? Changed(Good[0], [new(Kind: 2, Place: 0, Part: 0, With: 0)]) : Good[0]);

    private Gen<(FuzzedFormat Format, byte[] File)> Files =>
        Gen.Select(Gen.Int[0, Good.Length - 1].Select(number => Good[number]), Mutation.Some, Gen.Frequency((9, Gen.Const(Array.Empty<byte>())), (1, Gen.Byte.Array[0, 200])))
            .Select((good, mutations, random) => (this, Finished(random.Length > 0 ? random : Changed(good, mutations))));

    private byte[] Finished(byte[] file) => Finish is null ? file : Finish(file);

    private byte[] Changed(byte[] file, Mutation[] mutations) => IsJson
        ? Encoding.UTF8.GetBytes(mutations.Aggregate(Encoding.UTF8.GetString(file), (text, mutation) => mutation.Of(text)))
        : mutations.Aggregate(file, (changed, mutation) => mutation.Of(changed));

    private static IEnumerable<FuzzedFormat> All()
    {
        yield return new("text", texts, ReadText);
        yield return new("text", texts, ReadText, Gzipped);
        yield return new("text", [.. texts.Concat(bombs).Select(Gzipped), [.. Gzipped(texts[0]), .. Gzipped(texts[1]), 0, 0]], ReadText);
        yield return new("text", texts, ReadText, text => Zipped(("text", text)));
        yield return new("text", [Zipped(("text8", texts[0])), Zipped(("train.txt", texts[0]), ("valid.txt", texts[1]), ("test.txt", texts[3]), ("__MACOSX/._train.txt", texts[2])), Zipped(("text", bombs[1]))], ReadText);
        yield return new("images", [images], folder => ImageData.Load(Path.Combine(folder, "images")));
        yield return new("images", [images], folder => ImageData.Load(Path.Combine(folder, "images")), Gzipped);
        yield return new("images", [Gzipped(images), Gzipped([0, 0, 8, 3, 0, 0, 128, 0, 0, 0, 4, 0, 0, 0, 1, 0, .. bombs[0]])], folder => ImageData.Load(Path.Combine(folder, "images")));
        yield return new("labels", [[0, 0, 8, 1, 0, 0, 0, 20, .. new byte[20]]], folder => IdxFile.ReadLabels(Path.Combine(folder, "labels")));
        yield return new("men.txt", [[.. "word1\tword2\tscore\nsun\tmoon\t3\n cat \tdog\t4.5\r\n"u8]], folder => WordSimilarity.In(folder));
        yield return new("wordsim353.csv", [[.. "sun,moon,3\ncat,dog,4.5"u8]], folder => WordSimilarity.In(folder));
        yield return new("questions-words.txt", [[.. ": capitals\nAthens Greece Oslo Norway\n: family\nboy girl king queen\n"u8]], folder => WordSimilarity.In(folder));
        yield return new("vectors", [[.. "3 2\nthe 1 2\ncat 0.5 -1E-09\n\u6f22 3 4\n"u8]], folder => WordVectors.Read(Path.Combine(folder, "vectors")));
        yield return new(RunHistory.FileName, [[.. "{\"Step\":1,\"Metrics\":{\"loss\":2.5}}\n{\"Step\":2,\"Metrics\":{\"loss\":1,\"validation.loss\":3}}\n"u8]], folder => RunHistory.Read(folder).Count());
        yield return new(CheckpointStore.ModelFile, [Weights()], ReadWeights);
        yield return new(CheckpointStore.ModelFile, [Weights()[8..^24]], ReadWeights, header => Forgery.Safetensors(Encoding.UTF8.GetString(header), 24));
        yield return new(CheckpointStore.ModelFile, [Weights()[8..^24]], ReadWeights, header => Forgery.Safetensors(Encoding.UTF8.GetString(header), 24), IsJson: true);
        yield return new(CheckpointManifest.FileName, [Manifest()], ReadManifest);
        yield return new(CheckpointManifest.FileName, [Manifest()], ReadManifest, Signed);
        yield return new(CheckpointManifest.FileName, [Manifest()], ReadManifest, Signed, IsJson: true);
    }

    private static void ReadText(string folder)
    {
        var files = TextFiles.Find(folder);
        var reader = new WordReader();
        foreach (var part in new[] { files.Training, files.Validation, files.Test }.OfType<DataPart>())
        {
            part.Read((text, _) => reader.Read(text, part));
        }
        _ = reader.Words;
    }

    private static unsafe void ReadWeights(string folder)
    {
        using var memory = new NativeFloats(6);
        Safetensors.Read(Path.Combine(folder, CheckpointStore.ModelFile), [new("a", [2, 2], StateKind.Model, memory.Pointer), new("b", [2], StateKind.Model, memory.Pointer + 4)]);
    }

    private static void ReadManifest(string folder)
    {
        var directory = Directory.CreateDirectory(Path.Combine(folder, "checkpoints", "00000003")).FullName;
        foreach (var (name, content) in checkpoint)
        {
            File.WriteAllBytes(Path.Combine(directory, name), content);
        }
        File.Copy(Path.Combine(folder, CheckpointManifest.FileName), Path.Combine(directory, CheckpointManifest.FileName), overwrite: true);
        var whole = new CheckpointStore(folder).Open(3);
        using var replica = new PointsTask().CreateReplica(new() { Task = "points" });
        CheckpointStore.Load(whole, replica);
    }

    private static unsafe byte[] Weights()
    {
        using var memory = new NativeFloats(6);
        using var stream = new MemoryStream();
        Safetensors.Write(stream, [new("a", [2, 2], StateKind.Model, memory.Pointer), new("b", [2], StateKind.Model, memory.Pointer + 4)]);
        return stream.ToArray();
    }

    private static Dictionary<string, byte[]> Checkpoint()
    {
        using var folder = new TemporaryFolder();
        using var replica = new PointsTask().CreateReplica(new() { Task = "points" });
        var spec = new RunSpec { RunId = "points", Output = "/runs/points", Task = "points", Settings = new Dictionary<string, string> { ["size"] = "1000" } };
        var written = new CheckpointStore(folder.Path).Write(replica.State, CheckpointManifest.Of(spec, replica, 3) with { Metrics = new() { ["loss"] = 1.5 } });
        return Directory.GetFiles(written.Directory).ToDictionary(path => Path.GetFileName(path)!, File.ReadAllBytes);
    }

    private static byte[] Manifest() => Encoding.UTF8.GetBytes(Forgery.Unsigned(CheckpointManifest.Parse(checkpoint[CheckpointManifest.FileName], "")));

    private static byte[] Signed(byte[] text) => Encoding.UTF8.GetBytes(Forgery.Signed(Encoding.UTF8.GetString(text)));

    private static byte[] Gzipped(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize))
        {
            gzip.Write(content);
        }
        return packed.ToArray();
    }

    private static byte[] Zipped(params (string Name, byte[] Content)[] members)
    {
        using var packed = new MemoryStream();
        using (var archive = new ZipArchive(packed, ZipArchiveMode.Create))
        {
            foreach (var (name, content) in members)
            {
                using var stream = archive.CreateEntry(name, CompressionLevel.SmallestSize).Open();
                stream.Write(content);
            }
        }
        return packed.ToArray();
    }
}
