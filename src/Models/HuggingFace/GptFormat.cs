using System.Globalization;
using System.Text.Json.Nodes;
using Granary.Training.Tasks;

namespace Granary.Models.HuggingFace;

/// <summary>GPT-2 as <c>GPT2LMHeadModel</c> keeps it. The output's weights are those of the embedding.</summary>
internal sealed class GptFormat : HuggingFaceFormat
{
    private const string Kind = "gpt2", Activation = "gelu_new";
    private const int Gpt2Tokens = 50257;
    private const double Epsilon = 1e-5;

    public override IReadOnlyList<string> Names => ["transformer.*=*"];

    // Masks that follow from the context.
    public override IReadOnlyList<string> OtherNames => ["transformer.h.*.attn.bias=", "transformer.h.*.attn.masked_bias=", "h.*.attn.bias=", "h.*.attn.masked_bias=", "lm_head.weight=wte.weight"];

    public override IReadOnlyDictionary<string, string> SettingsOf(HuggingFaceConfig config)
    {
        var width = config.Count("n_embd", 768);
        config.Demand("model_type", Kind);
        config.Demand("activation_function", Activation);
        config.Demand("n_inner", 4 * width);
        config.Demand("layer_norm_epsilon", Epsilon);
        foreach (var (flag, wanted) in new[] { ("tie_word_embeddings", true), ("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false), ("add_cross_attention", false) })
        {
            config.Demand(flag, $"{wanted}");
        }
        var settings = new Dictionary<string, string>
        {
            ["layers"] = $"{config.Count("n_layer", 12)}",
            ["heads"] = $"{config.Count("n_head", 12)}",
            ["width"] = $"{width}",
            ["context"] = $"{config.Count("n_positions", 1024)}",
            ["dropout"] = config.Number("resid_pdrop", 0.1).ToString(CultureInfo.InvariantCulture),
        };
        if (config.Count("vocab_size", Gpt2Tokens) == Gpt2Tokens)
        {
            settings["tokens"] = "gpt2";
        }
        return settings;
    }

    public override IReadOnlyDictionary<string, string> SettingsOf(IReadOnlyDictionary<string, long[]> shapes)
    {
        var settings = new Dictionary<string, string>();
        if (shapes.GetValueOrDefault("wte.weight") is [var tokens, var width])
        {
            settings["layers"] = ConfigFile.Layers(shapes.Keys, "h.");
            settings["width"] = $"{width}";
            if (tokens == Gpt2Tokens)
            {
                settings["tokens"] = "gpt2";
            }
        }
        if (shapes.GetValueOrDefault("wpe.weight") is [var context, _])
        {
            settings["context"] = $"{context}";
        }
        return settings;
    }

    public override IReadOnlyDictionary<string, byte[]> FilesOf(TrainingSpec spec, ReplicaState state)
    {
        var shapes = ConfigFile.ShapesOf(state);
        var dropout = double.Parse(spec.Settings["dropout"], CultureInfo.InvariantCulture);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray("GPT2LMHeadModel"),
            ["model_type"] = Kind,
            ["vocab_size"] = shapes["wte.weight"][0],
            ["n_positions"] = shapes["wpe.weight"][0],
            ["n_embd"] = shapes["wte.weight"][1],
            ["n_layer"] = int.Parse(spec.Settings["layers"], CultureInfo.InvariantCulture),
            ["n_head"] = int.Parse(spec.Settings["heads"], CultureInfo.InvariantCulture),
            ["activation_function"] = Activation,
            ["layer_norm_epsilon"] = Epsilon,
            ["embd_pdrop"] = dropout,
            ["attn_pdrop"] = dropout,
            ["resid_pdrop"] = dropout,
            ["tie_word_embeddings"] = true,
            ["torch_dtype"] = "float32",
        };
        foreach (var token in (string[])["bos_token_id", "eos_token_id"])
        {
            // Without them, transformers take GPT-2's own, which another vocabulary has not.
            config[token] = shapes["wte.weight"][0] == Gpt2Tokens ? Gpt2Tokens - 1 : null;
        }
        return new Dictionary<string, byte[]>(state.Assets) { [HuggingFaceConfig.FileName] = ConfigFile.Json(config) };
    }
}
