using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Granary.Models.Tests.Pretrained;

/// <summary>A small network of <c>reference.json</c>: what it is called, its weights, and what PyTorch computes with them. See <c>reference.py</c>.</summary>
internal sealed class PretrainedNetwork
{
    private readonly JsonNode network;

    private PretrainedNetwork(JsonNode network) => this.network = network;

    public static PretrainedNetwork Of(string name) => new(JsonNode.Parse(File.ReadAllText(Path.Combine(Here(), "reference.json")))![name]!);

    /// <summary>Tensors by their names.</summary>
    public Dictionary<string, long[]> Shapes => network["shapes"]!.Deserialize<Dictionary<string, long[]>>()!;

    public JsonObject Config => (JsonObject)network["config"]!.DeepClone();

    public long[][] Tokens => network["tokens"]!.Deserialize<long[][]>()!;

    public long[][] Seen => network["seen"]?.Deserialize<long[][]>() ?? [.. Tokens.Select(row => row.Select(_ => 1L).ToArray())];

    /// <summary>What PyTorch computes, one value after the other.</summary>
    public float[] Logits => [.. Leaves(network["logits"]!).Select(value => (float)value)];

    /// <summary>Uniform in +-0.5, and for scales of normalizations around 1, by the name.</summary>
    public static float[] Values(string name, params ReadOnlySpan<long> shape)
    {
        var hashed = 2166136261u;
        foreach (var letter in Encoding.UTF8.GetBytes(name))
        {
            hashed = (hashed ^ letter) * 16777619;
        }
        var count = 1L;
        foreach (var length in shape)
        {
            count *= length;
        }
        var values = new float[count];
        var shift = name.EndsWith("running_var", StringComparison.Ordinal) || (name.EndsWith("weight", StringComparison.Ordinal) && shape.Length == 1) ? 1 : 0;
        for (var i = 0; i < values.Length; i++)
        {
            var drawn = unchecked((uint)i * 2654435761u + hashed);
            drawn = unchecked((drawn ^ drawn >> 16) * 0x45D9F3B);
            drawn = unchecked((drawn ^ drawn >> 16) * 0x45D9F3B);
            values[i] = (float)((drawn >> 8) / (double)(1 << 24) - 0.5 + shift);
        }
        return values;
    }

    /// <summary>Writes the folder that transformers would.</summary>
    /// <param name="files">Over how many files the weights are spread.</param>
    /// <param name="rename">What tensors are called there. Default: as today.</param>
    public void Write(string folder, int files = 1, Func<string, string>? rename = null)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), network["config"]!.ToJsonString());
        var parts = Shapes.Chunk((Shapes.Count + files - 1) / files).ToList();
        var map = new JsonObject();
        foreach (var (number, part) in parts.Index())
        {
            var name = files == 1 ? "model.safetensors" : $"model-{number + 1:D5}-of-{files:D5}.safetensors";
            WriteTensors(Path.Combine(folder, name), part.Select(tensor => (rename?.Invoke(tensor.Key) ?? tensor.Key, tensor.Value, Values(tensor.Key, tensor.Value))));
            foreach (var (tensor, _) in part)
            {
                map[tensor] = name;
            }
        }
        if (files > 1)
        {
            File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), new JsonObject { ["weight_map"] = map }.ToJsonString());
        }
    }

    public static void WriteTensors(string path, IEnumerable<(string Name, long[] Shape, float[] Values)> tensors)
    {
        var (header, data) = (new Dictionary<string, object>(), new MemoryStream());
        foreach (var (name, shape, values) in tensors)
        {
            var begin = data.Length;
            data.Write(MemoryMarshal.AsBytes(values.AsSpan()));
            header.Add(name, new { dtype = "F32", shape, data_offsets = new[] { begin, data.Length } });
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. data.ToArray()]);
    }

    private static IEnumerable<double> Leaves(JsonNode node) => node is JsonArray array ? array.SelectMany(entry => Leaves(entry!)) : [(double)node];

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
