using Granary.Torch;
using Granary.Torch.Data;
using Granary.Torch.Data.Images;
using Granary.Torch.Data.Tokens;
using Granary.Training.Randomness;
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Data;

public sealed class BatchesTests : IDisposable
{
    private const int Shards = 3;
    private static readonly TrainingSpec spec = new() { Task = "probe", Shards = Shards };
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void ShuffledBatches_TellTheEpochAndLeaveOutShardsWithoutSamples()
    {
        var epochs = new HashSet<long>();
        var batches = new ShuffledBatches<int[]>(10, 4, spec, (chosen, epoch) =>
        {
            epochs.Add(epoch);
            return chosen;
        });
        Assert.Equal(3, batches.StepsPerEpoch);
        Assert.Equal(Enumerable.Range(0, 10), Epoch(batches, 0).Order());
        Assert.Equal(Enumerable.Range(0, 10), Epoch(batches, 1).Order());
        Assert.NotEqual(Epoch(batches, 0), Epoch(batches, 1));
        Assert.Null(batches.Of(2, shard: 0)); // two samples for three shards
        Assert.Equal([0, 1], epochs.Order());
    }

    [Fact]
    public void OrderedBatches_GiveEverySampleOnceInOrder()
    {
        var batches = new OrderedBatches<int[]>(11, 4, spec, chosen => chosen);
        Assert.Equal(Enumerable.Range(0, 11), Epoch(batches, 0));
        Assert.Equal(Epoch(batches, 0), Epoch(batches, 5));
    }

    [Fact]
    public void LengthBuckets_GiveEverySampleOnceAmongItsLike()
    {
        var random = new StepRandom(3);
        int[] lengths = [.. Enumerable.Range(0, 1003).Select(_ => random.Next(100))];
        var batches = new LengthBuckets<int[]>(lengths, 8, spec, (chosen, _) => chosen);
        Assert.Equal(Enumerable.Range(0, lengths.Length), Epoch(batches, 0).Order());
        Assert.Equal(Enumerable.Range(0, lengths.Length), Epoch(batches, 1).Order());
        Assert.NotEqual(Epoch(batches, 0), Epoch(batches, 1));
        Assert.Equal(Epoch(batches, 0), Epoch(batches, 0));

        var padded = Enumerable.Range(0, (int)batches.StepsPerEpoch).Sum(step => Part(batches, step, 0).Max(sample => lengths[sample]) - Part(batches, step, 0).Min(sample => lengths[sample]));
        Assert.InRange((double)padded / batches.StepsPerEpoch, 0, 6);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void TokenBlocks_GiveEveryBlockOnceWithTheWordsThatFollow(int bytesPerToken)
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder.Path, "train.bin");
        TokenFile.Write(path, Enumerable.Range(0, 52), bytesPerToken);
        using var batches = new TokenBlocks(new(path, bytesPerToken), length: 5, batch: 4, spec);
        Assert.Equal(3, batches.StepsPerEpoch); // ten blocks; the last token only follows
        var firsts = new List<long>();
        for (var step = 0; step < 3; step++)
        {
            for (var shard = 0; shard < Shards; shard++)
            {
                if (batches.Of(step, shard) is { } part)
                {
                    Assert.Equal((part.Inputs + 1).data<long>().ToArray(), part.Targets.data<long>().ToArray());
                    firsts.AddRange(part.Inputs.select(1, 0).data<long>().ToArray());
                }
            }
        }
        Assert.Equal(Enumerable.Range(0, 10).Select(block => 5L * block), firsts.Order());
    }

    [Fact]
    public void TokenFile_ThatDoesNotFit_IsRefusedByName()
    {
        var odd = folder.Write("odd.bin", [1, 2, 3]);
        Assert.Contains("has 3 bytes, which are no tokens of 2 bytes each", Assert.Throws<TrainingDataException>(() => new TokenFile(odd, 2)).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be read", Assert.Throws<TrainingDataException>(() => new TokenFile(Path.Combine(folder.Path, "none"), 2)).Message, StringComparison.Ordinal);
        Assert.Contains("a block of 5 needs 6", Assert.Throws<TrainingDataException>(() => new TokenBlocks(new(folder.Write("short.bin", new byte[10]), 2), 5, 1, spec)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => TokenFile.Write(Path.Combine(folder.Path, "large.bin"), [70_000], 2));

        var shrinking = folder.Write("shrinking.bin", new byte[20]);
        using var file = new TokenFile(shrinking, 2);
        File.WriteAllBytes(shrinking, new byte[10]);
        Assert.Contains("has become shorter", Assert.Throws<TrainingDataException>(() => file.Read(4, new long[4])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ImageFolder_HasItsClassesAndHoldsOutWhatItShall()
    {
        using var scope = NewDisposeScope();
        foreach (var name in new[] { "red", "blue" })
        {
            for (var i = 0; i < 10; i++)
            {
                Paint($"{name}/{i}.png", name == "red" ? (byte)200 : (byte)0, name == "blue" ? (byte)200 : (byte)0);
            }
        }
        var images = ImageFolder.Find(folder.Path);
        Assert.Equal(["blue", "red"], images.Classes);
        Assert.Equal((18, 2), (images.Training.Count, images.HeldOut.Count));
        Assert.Equal(20, ImageData.FilesAt(folder.Path).Count);
        var (inputs_NCHW, labels_N) = images.HeldOut.ToExamples([0, 1], new(3, 4, 4));
        Assert.Equal([2L, 3, 4, 4], inputs_NCHW.shape);
        Assert.Equal([0L, 1], labels_N.data<long>().ToArray());
        Assert.Equal([-1f, -1f, 200 / 127.5f - 1, 200 / 127.5f - 1, -1f, -1f], inputs_NCHW.mean([2, 3]).data<float>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-5);
    }

    [Fact]
    public void ImageFolder_WithTrainAndVal_HoldsOutVal()
    {
        foreach (var name in new[] { "train/a/1.png", "train/b/1.png", "train/b/2.png", "val/a/1.png", "val/b/1.png" })
        {
            Paint(name, 1, 2);
        }
        var images = ImageFolder.Find(folder.Path);
        Assert.Equal((3, 2), (images.Training.Count, images.HeldOut.Count));
    }

    [Fact]
    public void Augmentation_FollowsFromSeedEpochAndSample()
    {
        using var scope = NewDisposeScope();
        Paint("a/1.png", 10, 20);
        Paint("b/1.png", 250, 20);
        Paint("a/2.png", 10, 20);
        Paint("b/2.png", 250, 20);
        var pictures = ImageFolder.Find(folder.Path).Training;
        float[] Cut(ulong seed, long epoch, params int[] samples) => pictures.ToExamples(samples, new(3, 8, 8), new(LeastArea: 0.08, MostStretch: 4 / 3d, Mirrored: true), seed, epoch).Inputs.data<float>().ToArray();
        Assert.Equal(Cut(1, 0, 0, 1, 2), Cut(1, 0, 0).Concat(Cut(1, 0, 1)).Concat(Cut(1, 0, 2)));
        Assert.NotEqual(Cut(1, 0, 1), Cut(1, 1, 1));
        Assert.NotEqual(Cut(1, 0, 1), Cut(2, 0, 1));
    }

    [Fact]
    public void Shift_MovesAPictureByWholePixelsAndGoesOnBeyondItsEdge()
    {
        using var scope = NewDisposeScope();
        var set = new ImageSet(new(1, 3, 3), Enumerable.Range(0, 9).Select(value => (byte)value).ToArray(), Labels: default);
        var moved = Enumerable.Range(0, 60).Select(epoch => Picture.From(set.ToExamples([0], set.Shape, new(Shift: 1), 1, epoch).Inputs[0]).Planes.ToArray()).ToList();
        var expected = from down in new[] { -1, 0, 1 }
                       from right in new[] { -1, 0, 1 }
                       select (byte[])[.. from y in new[] { 0, 1, 2 } from x in new[] { 0, 1, 2 } select (byte)(3 * Math.Clamp(y + down, 0, 2) + Math.Clamp(x + right, 0, 2))];
        Assert.Equal(expected.Select(Convert.ToHexString).Order(), moved.Select(Convert.ToHexString).Distinct().Order());
    }

    [Fact]
    public void Picture_OfAnotherSize_IsTheMeanOfTheAreas()
    {
        using var scope = NewDisposeScope();
        var wide = new Picture(new(1, 2, 4), new byte[] { 0, 0, 255, 255, 0, 0, 255, 255 });
        var narrow = wide.ToTensor(new(3, 1, 2));
        Assert.Equal([1L, 3, 1, 2], narrow.shape);
        Assert.All(Enumerable.Range(0, 3), colour => Assert.True(narrow[0, colour, 0, 0].item<float>() < -0.5 && narrow[0, colour, 0, 1].item<float>() > 0.5));
        Assert.Equal([76, 150, 29], new Picture(new(3, 1, 3), new byte[] { 255, 0, 0, 0, 255, 0, 0, 0, 255 }) is var colours ? Picture.From(colours.ToTensor(new(1, 1, 3))[0]).Planes.ToArray().Select(value => (int)value) : []);
    }

    [Fact]
    public void Picture_ThatIsNone_IsRefusedByName()
    {
        Paint("a/1.png", 1, 2);
        Directory.CreateDirectory(Path.Combine(folder.Path, "b"));
        folder.Write("b/1.png", "no picture"u8.ToArray());
        var pictures = ImageFolder.Find(folder.Path).Training;
        Assert.Contains("b/1.png' is no picture", Assert.Throws<TrainingDataException>(() => pictures.ToExamples([1], new(3, 4, 4))).Message, StringComparison.Ordinal);
        Assert.Contains("two classes at least", Assert.Throws<TrainingDataException>(() => ImageFolder.Find(Path.Combine(folder.Path, "a"))).Message, StringComparison.Ordinal);
    }

    /// <summary>A picture of 12 x 9 pixels, brighter from left to right unless its colour is 0 or 200.</summary>
    private void Paint(string name, byte red, byte blue)
    {
        var path = Path.Combine(folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = File.Create(path);
        var pixels = new byte[12 * 9 * 3];
        for (var i = 0; i < 12 * 9; i++)
        {
            (pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]) = (red, red is 0 or 200 ? (byte)0 : (byte)(i % 12 * 20), blue);
        }
        new StbImageWriteSharp.ImageWriter().WritePng(pixels, 12, 9, StbImageWriteSharp.ColorComponents.RedGreenBlue, file);
    }

    private static List<int> Epoch(IBatches<int[]> batches, long epoch) =>
        [.. from step in Enumerable.Range(0, (int)batches.StepsPerEpoch) from shard in Enumerable.Range(0, Shards) from sample in Part(batches, epoch * batches.StepsPerEpoch + step, shard) select sample];

    private static int[] Part(IBatches<int[]> batches, long step, int shard) => batches.Of(step, shard) ?? [];
}
