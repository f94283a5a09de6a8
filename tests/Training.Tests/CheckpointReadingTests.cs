using System.Text.RegularExpressions;
using Granary.Tests.Fakes;
using Granary.Training.Checkpoints;
using Granary.Training.Numerics;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

/// <summary>Checkpoints whose every hash is right, but not their inside.</summary>
public sealed class CheckpointReadingTests : IDisposable
{
    private readonly BrokenDisk disk = new();

    public void Dispose() => disk.Dispose();

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'a' twice")]
    [InlineData("""{"a":null}""", "'a' is Null")]
    [InlineData("""{"a":{"dtype":null,"shape":[2],"data_offsets":[0,8]}}""", "type of 'a'")]
    [InlineData("""{"a":{"dtype":"F32","shape":null,"data_offsets":[0,8]}}""", "shape of 'a'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":null}}""", "offsets of 'a'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}""", "lacks")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}}""", "offsets of 'a'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", "lacks")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "twice")]
    [InlineData("""{"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}""", "holds 'a' as BF16")]
    [InlineData("""{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,8]}}""", "of a type that is not known here")]
    [InlineData("""{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}""", "does not fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", "none below 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[8,0]}}""", "none below 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8.0]}}""", "whole")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "does not fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}""", "does not fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", "does not fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[1,0]}}""", "does not fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "'b' begins at 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "'a' begins at 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "8 bytes of values, its header tells of 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "its header tells of 12")]
    [InlineData("""{"__metadata__":{"format":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "__metadata__")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}}""", "no sound safetensors file")]
    [InlineData("""[]""", "StartArray")]
    [InlineData("", "0 bytes long")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "no sound safetensors file")]
    [InlineData("""{"a\u001b[2J":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "cannot be printed")]
    public void Checkpoint_WhoseHeaderMakesNoSense_IsNamedAndTheOneBeforeIsUsed(string header, string because)
    {
        disk.Write(4);
        var damaged = disk.Write(8);
        File.WriteAllBytes(damaged.ModelPath, Forgery.Safetensors(header, bytes: 8));
        Forgery.Sign(damaged.Directory);
        AssertPassedOver(damaged.ModelPath, because);
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(-1)]
    [InlineData(100_000_001)]
    [InlineData(long.MaxValue)]
    public void Checkpoint_WhoseHeaderIsLongerThanItsFile_IsNamed(long length)
    {
        var damaged = disk.Write(8);
        File.WriteAllBytes(damaged.ModelPath, Forgery.Safetensors("{}", bytes: 8, length));
        Forgery.Sign(damaged.Directory);
        Assert.Contains($"{length} bytes long", Assert.Throws<CheckpointException>(() => disk.Store.Open(8)).Message);
    }

    [Fact]
    public unsafe void Header_WithTensorsInAnotherOrderThanTheirValues_IsAsGood()
    {
        var path = Path.Combine(disk.Folder, "other.safetensors");
        var file = Forgery.Safetensors("""  {"b":{"data_offsets":[4,8],"shape":[1],"dtype":"F32"},"none":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   """, bytes: 8);
        file[^1] = 0x40;
        File.WriteAllBytes(path, file);
        using var memory = new NativeFloats(2);
        Safetensors.Read(path, [new("a", [], StateKind.Model, memory.Pointer), new("b", [1], StateKind.Model, memory.Pointer + 1), new("none", [0], StateKind.Model, memory.Pointer)]);
        Assert.Equal([0, 2], memory.Span.ToArray());
    }

    [Theory]
    [InlineData("\"spec\": \\{[^}]*\\{\\}[^}]*\\{\\}[^}]*\\}", "\"spec\": null")]
    [InlineData("\"task\": \"points\"", "\"task\": null")]
    [InlineData("\"task\": \"points\"", "\"task\": \"\"")]
    [InlineData("\"settings\": \\{\\}", "\"settings\": null")]
    [InlineData("\"settings\": \\{\\}", "\"settings\": {\n      \"size\": null\n    }")]
    [InlineData("\"metrics\": \\{[^}]*\\}", "\"metrics\": null")]
    [InlineData("\"scalars\": \\{[^}]*\\}", "\"scalars\": null")]
    [InlineData("\"measure\": \\{[^}]*\\}", "\"measure\": null")]
    [InlineData("\"metric\": \"[^\"]*\"", "\"metric\": null")]
    [InlineData("\"files\": \\{[^}]*\\}", "\"files\": null")]
    [InlineData("\"files\": \\{[^}]*\\}", "\"files\": {}")]
    [InlineData("(\"model.safetensors\":) \"[^\"]*\"", "$1 null")]
    [InlineData("\"weights_sha256\": \"[^\"]*\"", "\"weights_sha256\": null")]
    [InlineData("\"weights_sha256\": \"[^\"]*\"", "\"weights_sha256\": \"0\"")]
    [InlineData("\"step\": 8", "\"step\": -1")]
    [InlineData("\"step\": 8", "\"step\": 9")]
    [InlineData("\"total_steps\": 12", "\"total_steps\": 0")]
    [InlineData("\"steps_per_epoch\": 10", "\"steps_per_epoch\": 0")]
    [InlineData("\"shards\": 3", "\"shards\": 2147483647")]
    [InlineData("\"shards\": 3", "\"shards\": 0")]
    [InlineData("\"steps\": 12", "\"steps\": -12")]
    [InlineData("\"epochs\": null", "\"epochs\": \"NaN\"")]
    [InlineData("\"files\": \\{", "\"files\": {\n    \"../elsewhere\": \"0000000000000000000000000000000000000000000000000000000000000000\",")]
    [InlineData("\"files\": \\{", "\"files\": {\n    \"/dev/zero\": \"0000000000000000000000000000000000000000000000000000000000000000\",")]
    [InlineData("\"files\": \\{", "\"files\": {\n    \"..\": \"0000000000000000000000000000000000000000000000000000000000000000\",")]
    [InlineData("\"files\": \\{", "\"files\": {\n    \".hidden\": \"0000000000000000000000000000000000000000000000000000000000000000\",")]
    public void Checkpoint_WhoseManifestMakesNoSense_IsNamedAndTheOneBeforeIsUsed(string part, string instead)
    {
        disk.Write(4);
        var damaged = disk.Write(8);
        Forgery.Sign(damaged.Directory, text =>
        {
            var changed = Regex.Replace(text, part, instead);
            Assert.NotEqual(text, changed);
            return changed;
        });
        AssertPassedOver(Path.Combine(damaged.Directory, CheckpointManifest.FileName), "");
    }

    [Theory]
    [InlineData(CheckpointStore.ModelFile)]
    [InlineData("vocabulary.txt")]
    public void Checkpoint_WithALinkOutOfIt_IsNamedAndTheOneBeforeIsUsed(string name)
    {
        disk.Write(4);
        var damaged = disk.Write(8);
        var (path, elsewhere) = (Path.Combine(damaged.Directory, name), Path.Combine(disk.Folder, "elsewhere"));
        File.WriteAllText(elsewhere, "secret");
        if (File.Exists(path))
        {
            File.Move(path, elsewhere, overwrite: true);
        }
        File.WriteAllBytes(Path.Combine(damaged.Directory, CheckpointManifest.FileName), (damaged.Manifest with { Files = new(damaged.Manifest.Files) { [name] = new('0', 64) } }).ToBytes());
        File.CreateSymbolicLink(path, elsewhere);
        Forgery.Sign(damaged.Directory);
        AssertPassedOver(path, "is a link");
    }

    [Fact]
    public void Checkpoint_WithAFileBesideItsOwn_IsWhole()
    {
        var written = disk.Write(8);
        File.WriteAllText(Path.Combine(written.Directory, "vocabulary.txt"), "the\n");
        File.WriteAllBytes(Path.Combine(written.Directory, CheckpointManifest.FileName), (written.Manifest with { Files = new(written.Manifest.Files) { ["vocabulary.txt"] = new('0', 64) } }).ToBytes());
        Forgery.Sign(written.Directory);
        Assert.Equal(3, disk.Store.Open(8).Manifest.Files.Count);
    }

    [Fact]
    public void Checkpoint_OfOtherWeightsThanItsManifestTells_IsNamedAndTheOneBeforeIsUsed()
    {
        disk.Write(4);
        var damaged = disk.Write(8);
        Forgery.Sign(damaged.Directory, text => text.Replace(damaged.Manifest.WeightsSha256, new('0', 64)));
        AssertPassedOver(damaged.ModelPath, "its manifest tells of 0000");
    }

    [Fact]
    public void Load_OfWeightsThatChangedSinceTheyWereFound_IsRefused()
    {
        disk.Write(4);
        var checkpoint = disk.Store.Latest()!;
        using (var file = File.Open(checkpoint.ModelPath, FileMode.Open))
        {
            file.Seek(-1, SeekOrigin.End);
            file.WriteByte(0x7b);
        }
        using var replica = new PointsTask().CreateReplica(checkpoint.Manifest.Spec);
        Assert.Contains(checkpoint.ModelPath, Assert.Throws<CheckpointException>(() => CheckpointStore.Load(checkpoint, replica)).Message);
        Assert.Throws<CheckpointException>(() => CheckpointStore.LoadModel(checkpoint, replica));
    }

    [Theory]
    [InlineData("500")]
    [InlineData("0000500")]
    [InlineData("000000500")]
    [InlineData("+0000500")]
    [InlineData("-0000500")]
    [InlineData(" 00000500")]
    [InlineData("00000500 (copy)")]
    public void Folder_WithAnotherNameThanCheckpointsHave_IsNoneAndCostsNone(string name)
    {
        foreach (var step in new[] { 1, 2, 3 })
        {
            disk.Write(step, score: 4 - step);
        }
        Directory.CreateDirectory(Path.Combine(disk.Checkpoints, name));
        Assert.Equal([3L, 2, 1], disk.Store.Steps());
        disk.Store.Prune(keep: 2, upTo: 500);
        Assert.Equal([3L, 2], disk.Store.Steps());
        Assert.True(Directory.Exists(Path.Combine(disk.Checkpoints, name)));
    }

    [Fact]
    public void Folder_ThatIsACopyOfAnotherStep_IsNoCheckpoint()
    {
        CopyFolder(disk.Write(4).Directory, Path.Combine(disk.Checkpoints, "00000009"));
        AssertPassedOver(Path.Combine(disk.Checkpoints, "00000009"), "is of step 4");
    }

    /// <summary>Bytes of a tensor are more than 2^31 here.</summary>
    [Fact]
    public unsafe void Safetensors_OfAHugeTensor_AreWrittenWhole()
    {
        float* nowhere = null;
        var counter = new Counter();
        Safetensors.Write(counter, [new("huge", [3L << 28, 2], StateKind.Training, nowhere)]);
        Assert.Equal(120 + (3L << 31), counter.Position);
    }

    private void AssertPassedOver(string path, string because)
    {
        var skipped = new List<string>();
        Assert.Equal(4, disk.Store.Latest(damage => skipped.Add(damage.Message))!.Manifest.Step);
        Assert.Contains(path, Assert.Single(skipped));
        Assert.Contains(because, skipped[0]);
    }

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    private sealed class Counter : MemoryStream
    {
        private long written;

        public override long Position { get => written; set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer) => written += buffer.Length;
    }
}
