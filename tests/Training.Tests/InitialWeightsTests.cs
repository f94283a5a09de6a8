using System.Text;
using Granary.Training.Checkpoints;
using Granary.Training.Numerics;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.Tests;

public sealed unsafe class InitialWeightsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-").FullName;
    private readonly NativeFloats memory = new(6);
    private readonly ReplicaState state;

    public InitialWeightsTests()
    {
        // The two names of "tied" share their place.
        state = new(
        [
            new("body.weight", [2, 2], StateKind.Model, memory.Pointer),
            new("head.bias", [1], StateKind.Model, memory.Pointer + 4),
            new("tied.bias", [1], StateKind.Model, memory.Pointer + 4),
            new("adam.mean", [1], StateKind.Training, memory.Pointer + 5),
        ]);
        memory.Span.Fill(-1);
    }

    public void Dispose()
    {
        memory.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("F16")]
    [InlineData("BF16")]
    public void Weights_OfEachType_FillTheModelAndNothingElse(string type)
    {
        Load(Write("model.safetensors", ("body.weight", type, [2, 2], [1, -2, 0.5f, 4]), ("head.bias", type, [1], [3])));
        Assert.Equal([1, -2, 0.5f, 4, 3, -1], memory.Span.ToArray());
    }

    [Fact]
    public void Weights_ByOtherNames_AreMapped()
    {
        var path = Write("model.safetensors", ("net.0.weight", "F32", [2, 2], [1, 2, 3, 4]), ("extra", "F32", [1], [9]), ("bn.num_batches_tracked", "I64", [], [0]));
        Load(path, "net.*.weight=body.weight", "extra=", "=head.*");
        Assert.Equal([1, 2, 3, 4, -1, -1], memory.Span.ToArray());
    }

    [Fact]
    public void Rules_ThatMayFitNothing_AreNoComplaint()
    {
        var path = Write("model.safetensors", ("body.weight", "F32", [2, 2], [1, 2, 3, 4]), ("head.bias", "F32", [1], [9]));
        Assert.Contains("rules that fit nothing: fc.*=, =fc.*", Assert.Throws<TrainingDataException>(() => Load(path, "fc.*=", "=fc.*")).Message, StringComparison.Ordinal);
        Load(path, "?fc.*=", "?=fc.*", "?head.*=", "?=head.*");
        Assert.Equal([1, 2, 3, 4, -1, -1], memory.Span.ToArray());
    }

    [Fact]
    public void Weights_OfAnOnnxFile_AreNamedByWhatUsesThem()
    {
        var first = Onnx.Node("Conv", "input", "Parameter7", "Parameter3");
        byte[] model = Onnx.Model(first, Onnx.Node("Relu", "x"), Onnx.Node("Conv", "y", "Parameter9"), Onnx.Tensor("Parameter9", [1], [5], raw: true), Onnx.Tensor("Parameter3", [1], [3], raw: false), Onnx.Tensor("Parameter7", [2, 2], [1, 2, 3, 4], raw: true));
        File.WriteAllBytes(In("model.onnx"), model);
        Load(folder, "Conv.0.weight=body.weight", "Conv.0.bias=head.bias", "Conv.1.weight=");
        Assert.Equal([1, 2, 3, 4, 3, -1], memory.Span.ToArray());
        for (var length = 0; length < model.Length; length++)
        {
            File.WriteAllBytes(In("model.onnx"), model[..length]);
            Assert.Throws<TrainingDataException>(() => Load(In("model.onnx"), "Conv.0.weight=body.weight", "Conv.0.bias=head.bias", "Conv.1.weight="));
        }
    }

    [Fact]
    public void Weights_ThatDoNotFit_AreAllNamedAndNothingIsChanged()
    {
        var path = Write("model.safetensors", ("body.weight", "F32", [4], [1, 2, 3, 4]), ("extra", "F32", [1], [9]), ("tied.bias", "I32", [1], [9]));
        var message = Assert.Throws<TrainingDataException>(() => Load(path, "extra=other")).Message;
        Assert.Contains("of another shape: 'body.weight' of [4] in the file and [2, 2] in the model; ", message, StringComparison.Ordinal);
        Assert.Contains("F16 and BF16: 'tied.bias' of I32; not in the model: 'extra' (here 'other'). Say", message, StringComparison.Ordinal);
        Assert.Contains("not in the file: 'body.weight', 'head.bias', 'tied.bias'. Say", Assert.Throws<TrainingDataException>(() => Load(path, "*=")).Message, StringComparison.Ordinal);
        Assert.Equal(-1, memory.Span.IndexOfAnyExcept(-1));
    }

    [Fact]
    public void Rule_ThatFitsNothing_IsNamed()
    {
        var path = Write("model.safetensors", ("body.weight", "F32", [2, 2], [1, 2, 3, 4]), ("head.bias", "F32", [1], [3]));
        Assert.Contains("rules that fit nothing: boddy.*=body.*, =haed.*", Assert.Throws<TrainingDataException>(() => Load(path, "boddy.*=body.*", "=haed.*")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensor_FilledTwice_IsRefused()
    {
        var path = Write("model.safetensors", ("a", "F32", [2, 2], [1, 2, 3, 4]), ("b", "F32", [2, 2], [1, 2, 3, 5]), ("head.bias", "F32", [1], [9]));
        Assert.Contains("filled twice: 'body.weight' from 'a' and 'b', which differ", Assert.Throws<TrainingDataException>(() => Load(path, "*=body.weight")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_WithAnIndex_HasAllItsFiles()
    {
        Write("model-1.safetensors", ("body.weight", "F32", [2, 2], [1, 2, 3, 4]));
        Write("model-2.safetensors", ("head.bias", "BF16", [1], [8]));
        File.WriteAllText(In("model.safetensors.index.json"), """{"metadata":{"total_size":20},"weight_map":{"body.weight":"model-1.safetensors","head.bias":"model-2.safetensors"}}""");
        Assert.Equal(["model-1.safetensors", "model-2.safetensors"], InitialWeights.FilesAt(folder).Select(Path.GetFileName));
        Load(folder);
        Assert.Equal([1, 2, 3, 4, 8, -1], memory.Span.ToArray());
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../secret.safetensors"}}""", "names '../secret.safetensors', which is no safetensors file beside it")]
    [InlineData("""{"weight_map":{"a":"model.bin"}}""", "names 'model.bin'")]
    [InlineData("""{"weight_map":{"a":7}}""", "is no index of safetensors files")]
    [InlineData("""{"weights":{}}""", "is no index of safetensors files")]
    [InlineData("[", "is no index of safetensors files")]
    public void Index_ThatIsNone_IsRefused(string index, string says)
    {
        File.WriteAllText(In("model.safetensors.index.json"), index);
        Assert.Contains(says, Assert.Throws<TrainingDataException>(() => InitialWeights.FilesAt(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Place_WithoutWeights_IsNamed()
    {
        Assert.Contains("no model.safetensors and no checkpoint, and 0 other files", Assert.Throws<TrainingDataException>(() => InitialWeights.FilesAt(folder)).Message, StringComparison.Ordinal);
        Assert.Contains("There are no weights at", Assert.Throws<TrainingDataException>(() => InitialWeights.FilesAt(In("none"))).Message, StringComparison.Ordinal);
        File.WriteAllText(In("odd.safetensors"), "odd");
        Assert.Contains("is no sound safetensors file", Assert.Throws<TrainingDataException>(() => Load(In("odd.safetensors"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.b", "x", "a.b=x")]
    [InlineData("a.b", "a.b", "a=x")]
    [InlineData("h.3.attn.weight", "blocks.3.attention.weight", "h.*.attn.*=blocks.*.attention.*")]
    [InlineData("h.3.weight", "first", "h.*=first", "h.3.weight=second")]
    [InlineData("fc.weight", null, "fc.*=")]
    [InlineData("model.encoder.x", "encoder.x", "model.*=*")]
    public void Rules_SayWhatATensorIsCalled(string inFile, string? inModel, params string[] rules) => Assert.Equal(inModel, new WeightMap(rules).NameInModel(inFile));

    [Theory]
    [InlineData("a", "is no rule")]
    [InlineData("=", "is no rule")]
    [InlineData("a=b=c", "is no rule")]
    [InlineData("a=b.*", "more stars behind the sign")]
    public void Rule_ThatIsNone_IsRefused(string rule, string says) => Assert.Contains(says, Assert.Throws<WeightMapException>(() => new WeightMap([rule])).Message, StringComparison.Ordinal);

    private string In(string name) => Path.Combine(folder, name);

    private void Load(string path, params string[] rules) => InitialWeights.Load(new() { Task = "probe", Init = path, InitMap = rules }, state);

    private string Write(string name, params (string Name, string Type, int[] Shape, float[] Values)[] tensors)
    {
        var (entries, values) = (new List<string>(), new List<byte>());
        foreach (var tensor in tensors)
        {
            var begin = values.Count;
            foreach (var value in tensor.Values)
            {
                values.AddRange(tensor.Type switch
                {
                    "F16" => BitConverter.GetBytes((Half)value),
                    "BF16" => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)),
                    "I64" => BitConverter.GetBytes((long)value),
                    _ => BitConverter.GetBytes(value),
                });
            }
            entries.Add($"\"{tensor.Name}\":{{\"dtype\":\"{tensor.Type}\",\"shape\":[{string.Join(',', tensor.Shape)}],\"data_offsets\":[{begin},{values.Count}]}}");
        }
        var header = Encoding.UTF8.GetBytes($"{{{string.Join(',', entries)}}}");
        File.WriteAllBytes(In(name), [.. BitConverter.GetBytes((long)header.Length), .. header, .. values]);
        return In(name);
    }

    /// <summary>As much of the format's protocol buffers as holds weights, for lengths below 128.</summary>
    private static class Onnx
    {
        public static byte[] Model(params byte[][] parts) => Field(7, [.. parts.SelectMany(part => part)]);

        public static byte[] Node(string operation, params string[] inputs) => Field(1, [.. inputs.SelectMany(input => Field(1, Encoding.UTF8.GetBytes(input))), .. Field(4, Encoding.UTF8.GetBytes(operation))]);

        public static byte[] Tensor(string name, int[] shape, float[] values, bool raw) =>
            Field(5, [.. shape.SelectMany(side => new byte[] { 1 << 3, (byte)side }), 2 << 3, 1, .. Field(8, Encoding.UTF8.GetBytes(name)), .. Field(raw ? 9 : 4, [.. values.SelectMany(BitConverter.GetBytes)])]);

        private static byte[] Field(int number, byte[] content) => [(byte)(number << 3 | 2), .. content.Length < 128 ? [(byte)content.Length] : new[] { (byte)(content.Length & 127 | 128), (byte)(content.Length >> 7) }, .. content];
    }
}
