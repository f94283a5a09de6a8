using System.Globalization;
using System.Text.Json.Nodes;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Models.HuggingFace;

/// <summary>BERT as <c>BertForMaskedLM</c> keeps it, with the names of <see cref="Texts.OriginalBert"/>. What foretells the next sentence, and the pooler before it, are left out.</summary>
internal class BertFormat : HuggingFaceFormat
{
    public const string Original = "original";
    private const string Kind = "bert", Activation = "gelu", Embedding = "bert.embeddings.", Vocabulary = "vocab.txt", TokenizerConfig = "tokenizer_config.json", LowerCase = "do_lower_case";
    private const double Epsilon = 1e-12;

    public override IReadOnlyList<string> Names => [];

    public override IReadOnlyList<string> OtherNames { get; } =
    [
        // As the first files call them.
        .. new[] { ("bert.*.", "bert.*."), ("cls.*.", "cls.*."), ("embeddings.", "bert.embeddings."), ("encoder.*.", "bert.encoder.*.") }.SelectMany(part =>
            (string[])[$"{part.Item1}LayerNorm.gamma={part.Item2}LayerNorm.weight", $"{part.Item1}LayerNorm.beta={part.Item2}LayerNorm.bias"]),
        "bert.embeddings.position_ids=", "embeddings.position_ids=", "bert.pooler.*=", "pooler.*=", "cls.seq_relationship.*=",
        "cls.predictions.decoder.weight=bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.bias=cls.predictions.bias",
        "embeddings.*=bert.embeddings.*", "encoder.*=bert.encoder.*",
    ];

    public override IReadOnlyDictionary<string, string> SettingsOf(HuggingFaceConfig config)
    {
        var width = config.Count("hidden_size", 768);
        config.Demand("model_type", Kind);
        config.Demand("hidden_act", Activation);
        config.Demand("intermediate_size", 4 * width, otherwise: 3072);
        config.Demand("layer_norm_eps", Epsilon);
        config.Demand("type_vocab_size", 2);
        config.Demand("position_embedding_type", "absolute");
        config.Demand("is_decoder", "False");
        config.Demand("tie_word_embeddings", "True");
        var settings = new Dictionary<string, string>
        {
            ["architecture"] = Original,
            ["layers"] = $"{config.Count("num_hidden_layers", 12)}",
            ["heads"] = $"{config.Count("num_attention_heads", 12)}",
            ["width"] = $"{width}",
            ["context"] = $"{config.Count("max_position_embeddings", 512)}",
            ["dropout"] = config.Number("hidden_dropout_prob", 0.1).ToString(CultureInfo.InvariantCulture),
        };
        if (config.PathBeside(Vocabulary) is { } vocabulary)
        {
            settings["tokens"] = "pieces";
            settings["vocabulary-file"] = vocabulary;
            settings["cased"] = config.Beside(TokenizerConfig)?.Flag(LowerCase, otherwise: true) == false ? "true" : "false";
        }
        return settings;
    }

    public override IReadOnlyDictionary<string, string> SettingsOf(IReadOnlyDictionary<string, long[]> shapes)
    {
        var settings = new Dictionary<string, string>();
        if (shapes.GetValueOrDefault($"{Embedding}word_embeddings.weight") is [_, var width])
        {
            settings["architecture"] = Original;
            settings["width"] = $"{width}";
            settings["layers"] = ConfigFile.Layers(shapes.Keys, "bert.encoder.layer.");
        }
        if (shapes.GetValueOrDefault($"{Embedding}position_embeddings.weight") is [var context, _])
        {
            settings["context"] = $"{context}";
        }
        return settings;
    }

    public override IReadOnlyDictionary<string, byte[]> FilesOf(TrainingSpec spec, ReplicaState state)
    {
        if (spec.Settings["architecture"] != Original)
        {
            throw new UserErrorException($"Transformers have no BERT with architecture={spec.Settings["architecture"]}. Train one with --set architecture={Original}, or take --format onnx.");
        }
        var shapes = ConfigFile.ShapesOf(state);
        long vocabulary = shapes[$"{Embedding}word_embeddings.weight"][0], width = shapes[$"{Embedding}word_embeddings.weight"][1];
        var dropout = double.Parse(spec.Settings["dropout"], CultureInfo.InvariantCulture);
        var files = new Dictionary<string, byte[]>(state.Assets)
        {
            [HuggingFaceConfig.FileName] = ConfigFile.Json(new()
            {
                ["architectures"] = new JsonArray("BertForMaskedLM"),
                ["model_type"] = Kind,
                ["vocab_size"] = vocabulary,
                ["hidden_size"] = width,
                ["num_hidden_layers"] = int.Parse(spec.Settings["layers"], CultureInfo.InvariantCulture),
                ["num_attention_heads"] = int.Parse(spec.Settings["heads"], CultureInfo.InvariantCulture),
                ["intermediate_size"] = 4 * width,
                ["hidden_act"] = Activation,
                ["hidden_dropout_prob"] = dropout,
                ["attention_probs_dropout_prob"] = dropout,
                ["max_position_embeddings"] = shapes[$"{Embedding}position_embeddings.weight"][0],
                ["type_vocab_size"] = 2,
                ["layer_norm_eps"] = Epsilon,
                ["position_embedding_type"] = "absolute",
                ["tie_word_embeddings"] = true,
                ["torch_dtype"] = "float32",
            }),
        };
        if (files.ContainsKey(Vocabulary))
        {
            files[TokenizerConfig] = ConfigFile.Json(new() { ["tokenizer_class"] = "BertTokenizer", [LowerCase] = spec.Settings["cased"] != "true", ["model_max_length"] = shapes[$"{Embedding}position_embeddings.weight"][0] });
        }
        return files;
    }
}

/// <summary>The same for a classifier upon it, which takes its shape and tokens from the folder by itself.</summary>
internal sealed class BertClassifierFormat : BertFormat
{
    public override IReadOnlyDictionary<string, string> SettingsOf(HuggingFaceConfig config)
    {
        base.SettingsOf(config);
        return new Dictionary<string, string> { ["model"] = "bert" };
    }

    public override IReadOnlyDictionary<string, string> SettingsOf(IReadOnlyDictionary<string, long[]> shapes) => new Dictionary<string, string>();

    public override IReadOnlyDictionary<string, byte[]> FilesOf(TrainingSpec spec, ReplicaState state) =>
        throw new UserErrorException("Transformers have no classifier of texts that is built as those of 'sentiment'. Take --format onnx.");
}
