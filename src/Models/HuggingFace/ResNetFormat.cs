using System.Text.Json.Nodes;
using Granary.Torch.Data;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Models.HuggingFace;

/// <summary>A residual network as <c>ResNetForImageClassification</c> keeps it. Ours has torchvision's names.</summary>
internal sealed class ResNetFormat : HuggingFaceFormat
{
    private const string Kind = "resnet";
    private const int Stages = 4, Widening = 4;
    private static readonly (string Depth, string Layer, int[] Blocks)[] depths = [("18", "basic", [2, 2, 2, 2]), ("34", "basic", [3, 4, 6, 3]), ("50", "bottleneck", [3, 4, 6, 3])];

    public override IReadOnlyList<string> Names { get; } = [.. Body("resnet."), "classifier.1.*=fc.*"];

    // Without what classifies.
    public override IReadOnlyList<string> OtherNames { get; } = [.. Body("")];

    public override IReadOnlyDictionary<string, string> SettingsOf(HuggingFaceConfig config)
    {
        config.Demand("model_type", Kind);
        config.Demand("hidden_act", "relu");
        config.Demand("downsample_in_first_stage", "False");
        config.Demand("downsample_in_bottleneck", "False");
        var (layer, width) = (config.Text("layer_type", "bottleneck"), config.Count("embedding_size", 64));
        IReadOnlyList<int> blocks = config.Counts("depths", [3, 4, 6, 3]), maps = config.Counts("hidden_sizes", [256, 512, 1024, 2048]);
        var depth = depths.FirstOrDefault(known => known.Layer == layer && known.Blocks.SequenceEqual(blocks)).Depth
            ?? throw config.Other("depths", $"{layer} {string.Join(", ", blocks)}", string.Join(" or ", depths.Select(known => $"{known.Layer} {string.Join(", ", known.Blocks)}")));
        var wanted = Maps(layer, width);
        return maps.SequenceEqual(wanted)
            ? new Dictionary<string, string> { ["depth"] = depth, ["width"] = $"{width}", ["stem"] = "large" }
            : throw config.Other("hidden_sizes", string.Join(", ", maps), string.Join(", ", wanted));
    }

    public override IReadOnlyDictionary<string, string> SettingsOf(IReadOnlyDictionary<string, long[]> shapes)
    {
        var settings = new Dictionary<string, string>();
        if (shapes.GetValueOrDefault("conv1.weight") is [var width, _, var kernel, _])
        {
            (settings["width"], settings["stem"]) = ($"{width}", kernel == 7 ? "large" : "small");
        }
        var (layer, first) = (shapes.ContainsKey("layer1.0.conv3.weight") ? "bottleneck" : "basic", ConfigFile.Layers(shapes.Keys, "layer1."));
        if (depths.FirstOrDefault(known => known.Layer == layer && $"{known.Blocks[0]}" == first).Depth is { } depth)
        {
            settings["depth"] = depth;
        }
        return settings;
    }

    public override IReadOnlyDictionary<string, byte[]> FilesOf(TrainingSpec spec, ReplicaState state)
    {
        var shapes = ConfigFile.ShapesOf(state);
        if (shapes.GetValueOrDefault("conv1.weight") is not [var width, var colours, 7, _])
        {
            throw new UserErrorException("Transformers have no residual network that begins as this one. Train one with --set stem=large, or take --format onnx.");
        }
        var known = depths.Single(known => known.Depth == spec.Settings["depth"]);
        var classes = ClassNames.FromAssets(name => state.Assets[name]);
        return new Dictionary<string, byte[]>
        {
            [HuggingFaceConfig.FileName] = ConfigFile.Json(new()
            {
                ["architectures"] = new JsonArray("ResNetForImageClassification"),
                ["model_type"] = Kind,
                ["num_channels"] = colours,
                ["embedding_size"] = width,
                ["hidden_sizes"] = new JsonArray([.. Maps(known.Layer, width).Select(maps => JsonValue.Create(maps))]),
                ["depths"] = new JsonArray([.. known.Blocks.Select(blocks => JsonValue.Create(blocks))]),
                ["layer_type"] = known.Layer,
                ["hidden_act"] = "relu",
                ["downsample_in_first_stage"] = false,
                ["id2label"] = new JsonObject(classes.Select((name, number) => KeyValuePair.Create<string, JsonNode?>($"{number}", name))),
                ["label2id"] = new JsonObject(classes.Select((name, number) => KeyValuePair.Create<string, JsonNode?>(name, number))),
                ["torch_dtype"] = "float32",
            }),
            // Pictures go in from -1, dark, to 1.
            ["preprocessor_config.json"] = ConfigFile.Json(Preprocessor(Torch.Data.Images.ImageShape.FromAssets(name => state.Assets[name]))),
        };
    }

    private static JsonObject Preprocessor(Torch.Data.Images.ImageShape shape) => new()
    {
        ["image_processor_type"] = "ConvNextImageProcessor",
        ["do_resize"] = true,
        ["size"] = new JsonObject { ["shortest_edge"] = Math.Min(shape.Height, shape.Width) },
        ["crop_pct"] = 1.0,
        ["do_rescale"] = true,
        ["do_normalize"] = true,
        ["image_mean"] = new JsonArray([.. Enumerable.Repeat(0.5, shape.Colours).Select(mean => JsonValue.Create(mean))]),
        ["image_std"] = new JsonArray([.. Enumerable.Repeat(0.5, shape.Colours).Select(deviation => JsonValue.Create(deviation))]),
    };

    private static int[] Maps(string layer, long width) => [.. Enumerable.Range(0, Stages).Select(stage => (int)(width << stage) * (layer == "bottleneck" ? Widening : 1))];

    /// <summary>Rules for all but the last layer.</summary>
    private static IEnumerable<string> Body(string start)
    {
        yield return $"{start}embedder.embedder.convolution.*=conv1.*";
        yield return $"{start}embedder.embedder.normalization.*=bn1.*";
        for (var stage = 0; stage < Stages; stage++)
        {
            var (theirs, ours) = ($"{start}encoder.stages.{stage}.layers.*", $"layer{stage + 1}.*");
            for (var layer = 0; layer < 3; layer++)
            {
                yield return $"{theirs}.layer.{layer}.convolution.*={ours}.conv{layer + 1}.*";
                yield return $"{theirs}.layer.{layer}.normalization.*={ours}.bn{layer + 1}.*";
            }
            yield return $"{theirs}.shortcut.convolution.*={ours}.downsample.0.*";
            yield return $"{theirs}.shortcut.normalization.*={ours}.downsample.1.*";
        }
    }
}
