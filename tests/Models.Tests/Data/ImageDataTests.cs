using System.Buffers.Binary;
using System.IO.Compression;
using Granary.Torch.Data.Images;
using Granary.Torch;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Data;

public class ImageDataTests
{
    private readonly byte[] images = [.. Header(2051, 20, 3, 2), .. Enumerable.Range(0, 20 * 6).Select(value => (byte)value)];
    private readonly byte[] labels = [.. Header(2049, 20), .. Enumerable.Range(0, 20).Select(value => (byte)(value % 10))];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Folder_WithImagesAndLabels_IsRead(bool packed)
    {
        using var folder = new TemporaryFolder();
        foreach (var set in new[] { "train", "t10k" })
        {
            folder.Write($"{set}-images-idx3-ubyte{(packed ? ".gz" : "")}", packed ? Pack(images) : images);
            folder.Write($"{set}-labels-idx1-ubyte{(packed ? ".gz" : "")}", packed ? Pack(labels) : labels);
        }
        var data = ImageData.Load(folder.Path);
        Assert.Equal((20, 20, new(1, 3, 2)), (data.Train.Count, data.HeldOut.Count, data.Shape!));
        Assert.Equal(13, data.Train.LabelOf(13) + 10);
        Assert.Equal([6, 7, 8, 9, 10, 11], data.Train.Read(1).Planes.ToArray());
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], data.Classes);
    }

    [Fact]
    public void File_OfImages_KeepsItsLastTenthBackAndIsLoadedOnce()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("some-images", images);
        var data = ImageData.Load(path);
        Assert.Equal((18, 2), (data.Train.Count, data.HeldOut.Count));
        Assert.Equal(18 * 6, data.HeldOut.Read(0).Planes.Span[0]);
        Assert.Same(data, ImageData.Load(path));
    }

    [Fact]
    public void Examples_GoFromBlackToWhiteAndBack()
    {
        using var scope = NewDisposeScope();
        var set = new ImageSet(new(1, 1, 3), new byte[] { 1, 2, 3, 0, 128, 255 }, Labels: default);
        var (images_NCHW, _) = set.ToExamples([1, 0], set.Shape);
        Assert.Equal([-1f, 128 / 127.5f - 1, 1], images_NCHW[0].data<float>().ToArray());
        Assert.Equal([1, 2, 3], Picture.From(images_NCHW[1]).Planes.ToArray());
    }

    [Theory]
    [InlineData("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin", 1)]
    [InlineData("train.bin", "train_more.bin.gz", "test.bin", 2)]
    public void Folder_WithCifarsFiles_IsRead(string first, string second, string test, int labels)
    {
        using var folder = new TemporaryFolder();
        byte[] Records(int count, byte start) => [.. Enumerable.Range(0, count).SelectMany(i => Enumerable.Repeat((byte)7, labels - 1).Append((byte)(start + i)).Concat(Enumerable.Range(0, 3072).Select(place => (byte)(place / 1024 + i))))];
        folder.Write(first, Records(3, 0));
        folder.Write(second, second.EndsWith(".gz", StringComparison.Ordinal) ? Pack(Records(2, 3)) : Records(2, 3));
        folder.Write(test, Records(1, 1));
        var data = ImageData.Load(folder.Path);
        Assert.Equal((5, 1, new(3, 32, 32)), (data.Train.Count, data.HeldOut.Count, data.Shape!));
        Assert.Equal([0, 1, 2, 3, 4], Enumerable.Range(0, 5).Select(data.Train.LabelOf));
        Assert.Equal([2, 3, 4], new[] { 0, 1024, 2048 }.Select(place => (int)data.Train.Read(2).Planes.Span[place]));
        folder.Write("batches.meta.txt", [.. "cat\ndog\n"u8]);
        Assert.Contains("names 2 classes, and there are images of class 4", Complaint(folder.Path), StringComparison.Ordinal);
        folder.Write(test, Records(1, 1)[..^2]);
        Assert.Contains("no whole number of images", Complaint(folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Classes_OfATrainedModel_AreFoundByNameOrNumber()
    {
        using var folder = new TemporaryFolder();
        folder.Write("train-images-idx3-ubyte", images);
        Assert.Contains("a class that the model does not know: they have none. It knows 0, 1", Refusal(folder.Path, "0", "1"), StringComparison.Ordinal);
        folder.Write("train-labels-idx1-ubyte", [.. Header(2049, 20), .. Enumerable.Range(0, 20).Select(value => (byte)(value % 3))]);
        int[] Labels(params string[] known) => [.. Enumerable.Range(0, 3).Select(ImageData.Load(folder.Path, DrawnImages.Digits, known).Train.LabelOf)];
        Assert.Equal([0, 1, 2], Labels("0", "1", "2", "3"));
        Assert.Equal([0, 1, 2], Labels("cat", "dog", "elk", "fox"));
        Assert.Equal([0, 1, 3], Labels("0", "1", "10", "2"));
        Assert.Contains("a class that the model does not know: '2'. It knows 0, 1", Refusal(folder.Path, "0", "1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_OfSomeOfTheClassesThatAModelKnows_AreItsOwn()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[] { "bees", "wasps" })
        {
            Directory.CreateDirectory(Path.Combine(folder.Path, name));
            for (var i = 0; i < 10; i++)
            {
                folder.Write(Path.Combine(name, $"{i}.png"), new Picture(new(1, 2, 2), new byte[4]).ToPng());
            }
        }
        var data = ImageData.Load(folder.Path, DrawnImages.Digits, ["ants", "bees", "flies", "wasps"]);
        Assert.Equal([1, 3], Enumerable.Range(0, 2).Select(data.HeldOut.LabelOf));
        Assert.Equal(4, data.Classes.Count);
        Assert.Contains("classes that the model does not know: 'bees', 'wasps'. It knows ants, flies.", Refusal(folder.Path, "ants", "flies"), StringComparison.Ordinal);
    }

    [Fact]
    public void Path_ThatIsMissing_IsNamedWithTheCure()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("nothing at", Complaint(Path.Combine(folder.Path, "nothing")), StringComparison.Ordinal);
        folder.Write("readme.txt", []);
        var complaint = Complaint(folder.Path);
        Assert.Contains("readme.txt", complaint, StringComparison.Ordinal);
        Assert.Contains("granary data get mnist", complaint, StringComparison.Ordinal);
    }

    [Fact]
    public void File_ThatCannotBeImages_SaysWhatItIs()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("ends after 5 bytes", Complaint(folder.Write("short", images[..5])), StringComparison.Ordinal);
        Assert.Contains("20 x 3 x 2 = 120 values and holds 100", Complaint(folder.Write("cut", images[..116])), StringComparison.Ordinal);
        Assert.Contains("2049 (IDX labels)", Complaint(folder.Write("labels", labels)), StringComparison.Ordinal);
        Assert.Contains("no IDX file", Complaint(folder.Write("other", [.. "GIF89a and what follows"u8])), StringComparison.Ordinal);
        Assert.Contains("damaged", Complaint(folder.Write("bad.gz", [0x1F, 0x8B, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])), StringComparison.Ordinal);
        Assert.Contains("Fetch it again", Complaint(folder.Write("cut.gz", Pack(images)[..^30])), StringComparison.Ordinal);
        Assert.Contains("holds 0", Complaint(folder.Write("huge", Header(2051, int.MaxValue, int.MaxValue, int.MaxValue))), StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_OfAnotherCount_AreRefused()
    {
        using var folder = new TemporaryFolder();
        folder.Write("train-images-idx3-ubyte", images);
        folder.Write("train-labels-idx1-ubyte", [.. Header(2049, 2), 1, 2]);
        Assert.Contains("20 images but", Complaint(folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Images_OfTwoSizes_AreRefusedByName()
    {
        using var folder = new TemporaryFolder();
        folder.Write("train-images-idx3-ubyte", images);
        folder.Write("t10k-images-idx3-ubyte", [.. Header(2051, 1, 2, 3), .. new byte[6]]);
        var complaint = Complaint(folder.Path);
        Assert.Contains("t10k-images-idx3-ubyte' of 2 x 3", complaint, StringComparison.Ordinal);
        Assert.Contains("train-images-idx3-ubyte' holds images of 3 x 2", complaint, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_PlainAndPacked_AreRefusedByName()
    {
        using var folder = new TemporaryFolder();
        folder.Write("train-images-idx3-ubyte", images);
        folder.Write("train-images-idx3-ubyte.gz", Pack(images));
        Assert.Contains("both train-images-idx3-ubyte and train-images-idx3-ubyte.gz", Complaint(folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Images_ThatChangeWithinASecond_AreReadAgain()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("some-images", images);
        var (first, time) = (ImageData.Load(path), File.GetLastWriteTimeUtc(path));
        folder.Write("some-images", [.. Header(2051, 40, 3, 2), .. new byte[240]]);
        File.SetLastWriteTimeUtc(path, time);
        Assert.Equal((18, 36), (first.Train.Count, ImageData.Load(path).Train.Count));
    }

    [Fact]
    public void FilesAt_AFolder_AreThoseThatAreRead()
    {
        using var folder = new TemporaryFolder();
        string[] read = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"];
        foreach (var name in read.Append("t10k-images-idx3-ubyte.gz.part").Append("notes.txt"))
        {
            folder.Write(name, []);
        }
        Assert.Equal(read.Select(name => Path.Combine(folder.Path, name)), LearnerTask.Of<Gan>().DataFiles(folder.Path));
    }

    [Theory]
    [InlineData(60_000)]
    [InlineData(int.MaxValue)]
    public void File_OfNothingMuch_IsNotBelievedToHoldManyGigabytes(int count)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("bomb.gz", Pack([.. Header(2051, count, 280, 280), .. new byte[1 << 20]]));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("GRANARY_UNPACK_TIMES", Complaint(path), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Glyphs_OfOneSeed_AreTheSameAndOfAllClasses()
    {
        var (first, again, other) = (DrawnGlyphs.Draw(300, 1), DrawnGlyphs.Draw(300, 1), DrawnGlyphs.Draw(300, 2));
        Assert.Equal(first.Planes.ToArray(), again.Planes.ToArray());
        Assert.NotEqual(first.Planes.ToArray(), other.Planes.ToArray());
        Assert.Equal(10, first.Labels.ToArray().Distinct().Count());
        for (var i = 0; i < first.Count; i++)
        {
            Assert.InRange(first.Read(i).Planes.ToArray().Count(pixel => pixel > 128), 20, 250);
        }
    }

    private static string Complaint(string path) => Assert.Throws<TrainingDataException>(() => ImageData.Load(path)).Message;

    private static string Refusal(string path, params string[] known) => Assert.Throws<TrainingDataException>(() => ImageData.Load(path, DrawnImages.Digits, known)).Message;

    private static byte[] Header(params int[] numbers)
    {
        var bytes = new byte[numbers.Length * sizeof(int)];
        for (var i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(i * sizeof(int)), numbers[i]);
        }
        return bytes;
    }

    private static byte[] Pack(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }
        return packed.ToArray();
    }
}
