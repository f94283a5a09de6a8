using System.Text.Json.Nodes;
using Granary.Models.Texts;
using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Data.Images;
using Granary.Torch.Networks;
using Granary.Torch.Runtime;
using Granary.Training.Checkpoints;
using Granary.Training.Settling;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Pretrained;

/// <summary>Networks with the names and the settings that Hugging Face's transformers give them compute here what they compute in PyTorch.</summary>
public sealed class PretrainedTests : IDisposable
{
    private const string Alphabet = "abcdefghij"; // and one for all that is unknown: 11 tokens
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Networks => ["gpt", "bert", "resnet18", "resnet50"];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Networks))]
    public void Folder_AsTransformersWriteIt_ComputesWhatPyTorchDoes(string name)
    {
        var network = PretrainedNetwork.Of(name);
        network.Write(In("weights"), files: name == "gpt" ? 3 : 1);
        using var begun = Begin(name);
        Assert.Equal(network.Logits, Logits(begun, network), Near(network));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Onnx_OfAFolder_ComputesWhatPyTorchDoes(string name)
    {
        var network = PretrainedNetwork.Of(name);
        network.Write(In("weights"));
        using var begun = Begin(name);
        using var session = OnnxSession.Of(begun.Model);
        var logits = name.StartsWith("resnet", StringComparison.Ordinal)
            ? session.Run(("images", Images, [2, 3, 40, 40]))
            : session.Run([("input_ids", network.Tokens), .. name == "bert" ? [("attention_mask", network.Seen)] : Array.Empty<(string, long[][])>()]);
        // What is behind a text's end is nobody's.
        Assert.Equal(Told(network, network.Logits), Told(network, logits), Near(network));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Export_ForTransformers_HasTheirNamesAndBeginsTheSame(string name)
    {
        var network = PretrainedNetwork.Of(name);
        network.Write(In("weights"));
        using var begun = Begin(name);
        var (task, spec) = (TaskOf(name), Settled(name));
        spec = spec with { Settings = TaskSettings.Complete(task, spec.Settings) };
        HuggingFaceFolder.Write(In("exported"), spec, begun.State, task.HuggingFace!, steps: 7);

        var written = Safetensors.List(In(Path.Combine("exported", "model.safetensors")));
        string[] without = [".attn.bias", "pooler.dense.weight", "pooler.dense.bias"];
        Assert.Equal(
            network.Shapes.Where(tensor => !without.Any(end => tensor.Key.EndsWith(end, StringComparison.Ordinal))).Select(tensor => $"{tensor.Key} {string.Join(' ', tensor.Value)}").Order(StringComparer.Ordinal),
            written.Where(tensor => tensor.Type == "F32").Select(tensor => $"{tensor.Name} {string.Join(' ', tensor.Shape)}").Order(StringComparer.Ordinal));
        Assert.Equal(network.Shapes.Keys.Count(tensor => tensor.EndsWith("running_mean", StringComparison.Ordinal)), written.Count(tensor => tensor.Type == "I64" && tensor.Name.EndsWith("num_batches_tracked", StringComparison.Ordinal)));
        var config = (JsonObject)JsonNode.Parse(File.ReadAllText(In(Path.Combine("exported", "config.json"))))!;
        Assert.All(network.Config.Where(entry => entry.Value is not null), entry => Assert.True(JsonNode.DeepEquals(entry.Value, config[entry.Key]), $"{entry.Key}: {config[entry.Key]}"));

        using var again = Begin(name, "exported");
        Assert.Equal(WeightsHash.Of(begun.State), WeightsHash.Of(again.State));
        Assert.Throws<UserErrorException>(() => HuggingFaceFolder.Write(In("exported"), spec, begun.State, task.HuggingFace!, steps: 7));
    }

    [Fact]
    public void Bert_OfTheFirstFiles_HasItsOldNamesUnderstood()
    {
        var network = PretrainedNetwork.Of("bert");
        network.Write(In("weights"), rename: name => name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal));
        using var begun = Begin("bert");
        Assert.Equal(network.Logits, Logits(begun, network), Near(network));
    }

    [Fact]
    public void Bert_WithItsVocabulary_IsFineTunedToClassify()
    {
        PretrainedNetwork.Of("bert").Write(In("weights"));
        File.WriteAllText(In(Path.Combine("weights", "vocab.txt")), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nfilm\n##s\na\nthe\n");
        File.WriteAllText(In(Path.Combine("weights", "tokenizer_config.json")), """{"do_lower_case":false}""");
        var bert = Settled("bert");
        Assert.Equal(("pieces", In(Path.Combine("weights", "vocab.txt")), "true", "original"), (bert.Settings["tokens"], bert.Settings["vocabulary-file"], bert.Settings["cased"], bert.Settings["architecture"]));

        var task = LearnerTask.Of<Sentiment>();
        var spec = SpecSettlement.WithInit(new TrainingSpec { Task = "sentiment", Shards = 1, Init = In("weights"), Data = In("texts.tsv"), Settings = new Dictionary<string, string> { ["batch"] = "4", ["min-count"] = "1" } }, task);
        File.WriteAllText(In("texts.tsv"), string.Concat(Enumerable.Repeat("a good film\tgood\na bad film\tbad\nthe good films\tgood\nthe bad films\tbad\n", 10)));
        Assert.Equal("bert", spec.Settings["model"]);
        using var driver = new Lockstep(task, spec);
        InitialWeights.Load(spec, driver.Replica.State, task);
        driver.Replica.StateRestored();
        var query = driver.Replica.State.Tensors.Single(tensor => tensor.Name == "bert.encoder.layer.1.attention.self.query.weight");
        Assert.Equal(PretrainedNetwork.Values(query.Name, 8, 8), query.Values.ToArray());
        driver.Run(2);
        Assert.NotEqual(PretrainedNetwork.Values(query.Name, 8, 8), query.Values.ToArray());
        Assert.Contains(((IPredictor)driver.Replica.Model).Predict(["a good film"])[0].Answer, (string[])["good", "bad"]);
    }

    [Fact]
    public void Weights_ThatDoNotFitTheSettings_NameTheSettingsThatWould()
    {
        PretrainedNetwork.Of("gpt").Write(In("weights"));
        Assert.Equal(
            $"The weights at '{In("weights")}' do not fit the model: of another shape: 'transformer.wpe.weight' (here 'wpe.weight') of [7, 8] in the file and [5, 8] in the model; not in the file: "
            + "'h.2.ln_1.weight'",
            Refusal("gpt", "context=5", "layers=3").Split(", 'h.2")[0]);
        Assert.EndsWith("The shapes in the file are those of --set layers=2 --set context=7.", Refusal("gpt", "context=5", "layers=3"), StringComparison.Ordinal);
        Directory.Delete(In("weights"), recursive: true);
        PretrainedNetwork.Of("bert").Write(In("weights"));
        Assert.EndsWith("The shapes in the file are those of --set architecture=original.", Refusal("bert", "architecture=pre-norm"), StringComparison.Ordinal);
        Directory.Delete(In("weights"), recursive: true);
        PretrainedNetwork.Of("resnet50").Write(In("weights"));
        Assert.EndsWith("The shapes in the file are those of --set width=4 --set depth=50.", Refusal("resnet50", "depth=18", "width=8"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpt", "activation_function", "\"relu\"", "'activation_function' is relu, and gelu_new is wanted.")]
    [InlineData("gpt", "tie_word_embeddings", "false", "'tie_word_embeddings' is False, and True is wanted.")]
    [InlineData("gpt", "model_type", "\"llama\"", "'model_type' is llama, and gpt2 is wanted.")]
    [InlineData("gpt", "n_layer", "\"two\"", "has 'n_layer' as two: a whole number from 1 on is wanted.")]
    [InlineData("bert", "intermediate_size", "40", "'intermediate_size' is 40, and 32 is wanted.")]
    [InlineData("bert", "layer_norm_eps", "1e-5", "'layer_norm_eps' is 1E-05, and 1E-12 is wanted.")]
    [InlineData("resnet18", "depths", "[1, 1, 1, 1]", "'depths' is basic 1, 1, 1, 1, and basic 2, 2, 2, 2 or basic 3, 4, 6, 3 or bottleneck 3, 4, 6, 3 is wanted.")]
    [InlineData("resnet18", "hidden_sizes", "[4, 8, 16, 64]", "'hidden_sizes' is 4, 8, 16, 64, and 4, 8, 16, 32 is wanted.")]
    [InlineData("resnet18", "downsample_in_first_stage", "true", "'downsample_in_first_stage' is True, and False is wanted.")]
    public void Config_OfAnotherNetwork_IsRefusedByTheValueThatDiffers(string name, string key, string value, string expected)
    {
        PretrainedNetwork.Of(name).Write(In("weights"));
        var config = PretrainedNetwork.Of(name).Config;
        config[key] = JsonNode.Parse(value);
        File.WriteAllText(In(Path.Combine("weights", "config.json")), config.ToJsonString());
        Assert.EndsWith(expected, Assert.Throws<TrainingDataException>(() => Settled(name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TiedWeights_ThatDifferInTheFile_AreRefused()
    {
        var network = PretrainedNetwork.Of("gpt");
        network.Write(In("weights"));
        var path = In(Path.Combine("weights", "model.safetensors"));
        void With(string ofHead) => PretrainedNetwork.WriteTensors(path, network.Shapes.Select(tensor => (tensor.Key, tensor.Value, PretrainedNetwork.Values(tensor.Key, tensor.Value))).Append(("lm_head.weight", [11, 8], PretrainedNetwork.Values(ofHead, 11, 8))));
        With("lm_head.weight");
        Assert.Contains("filled twice: 'wte.weight' from 'lm_head.weight' and 'transformer.wte.weight', which differ", Refusal("gpt"), StringComparison.Ordinal);
        With("transformer.wte.weight");
        using var begun = Begin("gpt");
        Assert.Equal(network.Logits, Logits(begun, network), Near(network));
    }

    private static float[] Images => PretrainedNetwork.Values("images", 2, 3, 40, 40);

    private string In(string name) => Path.Combine(folder.Path, name);

    private static ITrainingTask TaskOf(string name) => name switch { "gpt" => LearnerTask.Of<Gpt>(), "bert" => LearnerTask.Of<Bert>(), _ => LearnerTask.Of<ResNet>() };

    private TrainingSpec Settled(string name, string weights = "weights", params string[] settings)
    {
        var (data, isText) = (In($"data-{name}"), name is "gpt" or "bert");
        if (isText)
        {
            // [MASK] is one more of BERT's 11.
            File.WriteAllText(data, string.Concat(Enumerable.Repeat(name == "gpt" ? Alphabet : Alphabet[..^1], 30)));
        }
        else
        {
            for (var i = 0; i < 30; i++)
            {
                Directory.CreateDirectory(Path.Combine(data, $"{i % 3}"));
                File.WriteAllBytes(Path.Combine(data, $"{i % 3}", $"{i}.png"), new Picture(new(3, 40, 40), Enumerable.Repeat((byte)(8 * i), 4800).ToArray()).ToPng());
            }
        }
        var task = TaskOf(name);
        return SpecSettlement.WithInit(new TrainingSpec { Task = task.Name, Shards = 1, Data = data, Init = In(weights), Settings = settings.Concat(isText ? ["batch=2"] : ["batch=2", "size=40"]).Select(setting => setting.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]) }, task);
    }

    private ITrainingReplica Begin(string name, string weights = "weights", params string[] settings)
    {
        var (task, spec) = (TaskOf(name), Settled(name, weights, settings));
        _ = TorchRuntime.Switches;
        var replica = task.CreateReplica(spec);
        try
        {
            InitialWeights.Load(spec, replica.State, task);
            replica.StateRestored();
            return replica;
        }
        catch
        {
            replica.Dispose();
            throw;
        }
    }

    private string Refusal(string name, params string[] settings) => Assert.Throws<TrainingDataException>(() => Begin(name, "weights", settings).Dispose()).Message;

    private static float[] Logits(ITrainingReplica replica, PretrainedNetwork network)
    {
        var learner = (Learner)replica.Model;
        return learner.Use(() => (learner.Networks[0].Module switch
        {
            TextTransformer gpt => gpt.Logits(gpt.Read(Tensor(network.Tokens))),
            IMaskedReader bert => bert.Logits(bert.Read(Tensor(network.Tokens), Tensor(network.Seen).eq(0))),
            var module => ((nn.Module<Tensor, Tensor>)module).call(tensor(Images, [2, 3, 40, 40])),
        }).Values<float>());
    }

    private static Tensor Tensor(long[][] rows) => tensor([.. rows.SelectMany(row => row)], [rows.Length, rows[0].Length]);

    /// <summary>Those of tokens that are there.</summary>
    private static float[] Told(PretrainedNetwork network, float[] logits) =>
        !network.Config.ContainsKey("vocab_size") ? logits : [.. network.Seen.SelectMany(row => row).SelectMany((seen, token) => seen == 1 ? logits[(token * 11)..((token + 1) * 11)] : [])];

    /// <summary>By the largest of all.</summary>
    private static NearnessComparer Near(PretrainedNetwork network) => new(1e-5f * network.Logits.Max(Math.Abs));
}
