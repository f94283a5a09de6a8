// T time, B batch
using System.Text.Json;
using Granary.Models.Texts;
using Granary.Models.Translation;
using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Torch.Onnx;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using Microsoft.ML.OnnxRuntime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Pretrained;

/// <summary>What a model answers as a graph of ONNX, by ONNX Runtime, is what it answers here.</summary>
public sealed class OnnxTests
{
    private static readonly TaskCatalog catalog = TaskCatalog.Of(typeof(TwoLayer).Assembly);
    private static readonly long[][] words = [[3, 7, 2, 9, 4, 11], [5, 8, 0, 0, 0, 0]], seen = [[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]];
    private static readonly Dictionary<string, Func<nn.Module<Tensor, Tensor>>> layers = new()
    {
        ["instance"] = () => nn.InstanceNorm2d(3),
        ["instance with weights"] = () => nn.InstanceNorm2d(3, affine: true),
        ["instance with statistics"] = () => nn.InstanceNorm2d(3, track_running_stats: true),
        ["reflected"] = () => nn.ReflectionPad2d(2),
        ["reflected here and there"] = () => nn.ReflectionPad2d((1, 2, 0, 3)),
        ["copied"] = () => nn.ReplicationPad2d((1, 2, 0, 3)),
        ["zeros"] = () => nn.ZeroPad2d((1, 2, 0, 3)),
        ["twice"] = () => nn.Upsample(scale_factor: [2, 2]),
        ["by broken factors"] = () => nn.Upsample(scale_factor: [1.7, 2.5]),
        ["to a size"] = () => nn.Upsample(size: [7, 11]),
        ["bilinear"] = () => nn.Upsample(scale_factor: [2, 1.5], mode: UpsampleMode.Bilinear),
        ["bilinear to a size"] = () => nn.Upsample(size: [7, 1], mode: UpsampleMode.Bilinear),
        ["bilinear with corners"] = () => nn.Upsample(scale_factor: [2, 3], mode: UpsampleMode.Bilinear, align_corners: true),
    };

    public static TheoryData<string> Layers => [.. layers.Keys];

    [Theory]
    [InlineData("cnn maps=4 hidden=8", "images", 1, 28, 28)]
    [InlineData("resnet width=8 size=16", "images", 3, 16, 16)]
    [InlineData("resnet width=8 size=32 depth=50 stem=large", "images", 3, 32, 32)]
    [InlineData("transfer width=8 size=16", "images", 3, 16, 16)]
    [InlineData("transfer body=imagenet size=32", "images", 3, 32, 32)]
    [InlineData("dcgan maps=4 size=16 latent=8", "noise", 8, 1, 1)]
    [InlineData("gan hidden=16", "noise", 64)]
    [InlineData("fizzbuzz hidden=8", "digits", 10)]
    [InlineData("style-network maps=4 blocks=2 size=16", "images", 3, 16, 20)]
    public void Graph_OfANetwork_AnswersAsTheNetworkDoes(string task, string input, params int[] shape)
    {
        using var trained = Train(task);
        var learner = (Learner)trained.Replica.Model;
        var values = PretrainedNetwork.Values(input, [3, .. shape.Select(length => (long)length)]);
        var expected = learner.Use(() => ((nn.Module<Tensor, Tensor>)learner.Networks[0].Module).call(tensor(values, [3, .. shape.Select(length => (long)length)])).Values<float>());
        using var session = OnnxSession.Of(learner);
        Assert.Equal(expected, session.Run((input, values, [3, .. shape])), new NearnessComparer(1e-5f * expected.Max(Math.Abs)));
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Graph_OfALayer_AnswersAsTheLayerDoes(string name)
    {
        using var scope = NewDisposeScope();
        using var unlearned = no_grad();
        using var layer = layers[name]();
        foreach (var (own, values) in layer.state_dict())
        {
            values.copy_(tensor(PretrainedNetwork.Values(own, values.shape), values.shape).abs());
        }
        layer.eval();
        var images = PretrainedNetwork.Values("images", 2, 3, 4, 5);
        AssertSame(layer.call(tensor(images, [2, 3, 4, 5])), layer, OnnxSession.Input("images", images, 2, 3, 4, 5), "images", "batch", 3, 4, 5);
    }

    [Theory]
    [InlineData(1, false, false, true)]
    [InlineData(2, false, true, true)]
    [InlineData(1, true, true, false)]
    [InlineData(2, true, false, true)]
    public void Graph_OfARecurrentModule_AnswersAsTheModuleDoes(int layers, bool bidirectional, bool batchFirst, bool bias)
    {
        using var scope = NewDisposeScope();
        nn.Module[] cells = [nn.LSTM(5, 3, layers, bias, batchFirst, bidirectional: bidirectional), nn.GRU(5, 3, layers, bias, batchFirst, bidirectional: bidirectional)];
        var values = PretrainedNetwork.Values("texts", 2, 4, 5);
        foreach (var cell in cells)
        {
            var states = cell is LSTM lstm ? lstm.call(tensor(values, [2, 4, 5])).Item1 : ((GRU)cell).call(tensor(values, [2, 4, 5]), null!).Item1;
            AssertSame(states, cell, OnnxSession.Input("texts", values, 2, 4, 5), "texts", "first", "second", 5);
        }
    }

    [Theory]
    [InlineData("model=wordavg")]
    [InlineData("model=cnn filters=4")]
    [InlineData("model=rnn hidden=6")]
    [InlineData("model=rnn hidden=6 cell=gru")]
    public void Graph_OfAClassifierOfTexts_LooksNotBehindTheirEnds(string settings)
    {
        using var trained = Train($"sentiment embedding=8 {settings}");
        var learner = (Learner)trained.Replica.Model;
        var expected = learner.Use(() => ((ITextClassifier)learner.Networks[0].Module).Forward(Padded()).Values<float>());
        using var session = OnnxSession.Of(learner);
        Assert.Equal(expected, session.Run(("input_ids", words), ("attention_mask", seen)), new NearnessComparer(1e-5f));
        Assert.Equal(2, JsonSerializer.Deserialize<string[]>(session.Notes["labels"])!.Length);
    }

    [Theory]
    [InlineData("lstm layers=2 embedding=5")]
    [InlineData("gru layers=2 embedding=5")]
    [InlineData("rnn layers=1 embedding=6 tied=true")]
    public void Graph_OfALanguageModel_GoesOnWithWhatItRemembers(string settings)
    {
        using var trained = Train($"lm bptt=4 hidden=6 vocabulary=30 valid-words=200 cell={settings}");
        var learner = (Learner)trained.Replica.Model;
        var parts = learner.Networks[0].Module.named_children().ToDictionary(part => part.name, part => part.module);
        var expected = learner.Use(() =>
        {
            var read_TBH = ((Embedding)parts["encoder"]).call(Rows(words).t());
            foreach (var cell in (ModuleList<nn.Module>)parts["rnn"])
            {
                read_TBH = cell switch { LSTM lstm => lstm.call(read_TBH).Item1, GRU gru => gru.call(read_TBH, null!).Item1, _ => ((RNN)cell).call(read_TBH, null!).Item1 };
            }
            return ((Linear)parts["decoder"]).call(read_TBH).transpose(0, 1).Values<float>();
        });
        using var session = OnnxSession.Of(learner);
        var states = settings.StartsWith("lstm", StringComparison.Ordinal) ? 4 : settings.StartsWith("gru", StringComparison.Ordinal) ? 2 : 1;
        Dictionary<string, float[]> Read(float[] state, Range part) =>
            session.Run(OnnxSession.Input("input_ids", [.. words.Select(row => row[part])]), OnnxSession.Input("state", state, states, 2, 6));
        var first = Read(new float[states * 2 * 6], ..4);
        var second = Read(first["next_state"], 4..);
        // Of each row four places from the first call, and two from the second.
        var (vocabulary, near) = (expected.Length / 12, new NearnessComparer(1e-5f));
        for (var row = 0; row < 2; row++)
        {
            var own = expected[(6 * row * vocabulary)..(6 * (row + 1) * vocabulary)];
            Assert.Equal(own[..(4 * vocabulary)], first["logits"][(4 * row * vocabulary)..(4 * (row + 1) * vocabulary)], near);
            Assert.Equal(own[(4 * vocabulary)..], second["logits"][(2 * row * vocabulary)..(2 * (row + 1) * vocabulary)], near);
        }
    }

    [Theory]
    [InlineData("words")]
    [InlineData("characters")]
    public void Graph_OfElmo_GivesTheWordsTheirVectors(string input)
    {
        using var trained = Train($"elmo input={input} width=5 bptt=4 vocabulary=30 valid-words=200");
        var learner = (Learner)trained.Replica.Model;
        var expected = learner.Use(() => stack(((Elmo)learner).Body.Contextual(Padded(Codes(input))), 2).transpose(0, 1).Values<float>());
        using var session = OnnxSession.Of(learner);
        var found = session.Run(CodesInput(input), OnnxSession.Input("attention_mask", seen))["vectors"];
        var told = 8 * 3 * 10; // six words of one text and two of the other
        Assert.Equal(expected[..told], found[..told], new NearnessComparer(1e-5f));
    }

    [Theory]
    [InlineData("words", true)]
    [InlineData("characters", false)]
    public void Graph_OfAClassifierUponElmo_ReadsWhatElmoDoes(string input, bool own)
    {
        using var folder = new TemporaryFolder();
        var settings = $"elmo input={input} width=5 bptt=4 vocabulary=30 valid-words=200";
        using var elmo = Train(settings);
        var run = Path.Combine(folder.Path, "elmo");
        new CheckpointStore(run).Write(elmo.Replica.State, CheckpointManifest.Of(new RunSpec { RunId = "run", Output = run, Task = "elmo", Settings = SpecOf(settings).Settings }, elmo.Replica, 2));
        using var trained = Train($"sentiment embedding=4 model=rnn hidden=6 own={own} vectors={run}");
        var learner = (Learner)trained.Replica.Model;
        var expected = learner.Use(() => ((ITextClassifier)learner.Networks[0].Module).Forward(Padded(Codes(input))).Values<float>());
        using var session = OnnxSession.Of(learner);
        var found = session.Run([CodesInput(input), OnnxSession.Input("attention_mask", seen), .. own ? [OnnxSession.Input("input_ids", words)] : Array.Empty<NamedOnnxValue>()])["logits"];
        Assert.Equal(expected, found, new NearnessComparer(1e-5f));
    }

    [Theory]
    [InlineData("score=general")]
    [InlineData("score=dot")]
    [InlineData("score=concat")]
    [InlineData("attention=none")]
    public void Graph_OfATranslator_JudgesATranslationAsItDoes(string settings)
    {
        using var trained = Train($"seq2seq embedding=5 hidden=6 {settings}");
        var learner = (Learner)trained.Replica.Model;
        var source = SentenceLanguage.FromAssets(name => learner.Assets[name], "source");
        using var session = OnnxSession.Of(learner);
        long begin = long.Parse(session.Notes["target.begin"]), end = long.Parse(session.Notes["source.end"]);
        long[][] target = [[begin, 3, 1, 6], [begin, 4, 4, 2]];
        var network = (Translator)learner.Networks[0].Module;
        var expected = learner.Use(() =>
        {
            var encoded = network.Encode(SourceBatch.Of([[3, 7, 2, 9, 4], [5]], source));
            return network.Output.call(network.Decode(Rows(target).t(), encoded.Begin_1BH, encoded).Features_TBH).transpose(0, 1).Values<float>();
        });
        var found = session.Run(("input_ids", [[3, 7, 2, 9, 4, end], [5, end, 1, 0, 0, 0]]), ("attention_mask", seen), ("decoder_input_ids", target));
        Assert.Equal(expected, found, new NearnessComparer(1e-5f));
    }

    [Fact]
    public void Graph_OfBertWithGpt2sLayers_SeesBothSidesAndNothingBehindTheEnd()
    {
        using var trained = Train("bert layers=2 heads=2 width=8 context=6");
        var learner = (Learner)trained.Replica.Model;
        long[][] rows = [[3, 7, 2, 9, 4, 1], [5, 8, 1, 2, 2, 2]], seen = [[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]];
        var reader = (IMaskedReader)learner.Networks[0].Module;
        var expected = learner.Use(() => reader.Logits(reader.Read(Rows(rows), Rows(seen).eq(0))).Values<float>());
        using var session = OnnxSession.Of(learner);
        var found = session.Run(("input_ids", rows), ("attention_mask", seen));
        var told = 9 * expected.Length / 12; // the last three tokens are nobody's
        Assert.Equal(expected[..told], found[..told], new NearnessComparer(1e-5f));
    }

    [Fact]
    public void Module_ThatIsNotKnown_IsNamed()
    {
        using var module = nn.Sequential(("grow", nn.PixelShuffle(2)));
        var graph = new OnnxGraph([("", module)]);
        var error = Assert.Throws<UserErrorException>(() => graph.Add(module, graph.Input("images", "batch", 4, 4, 4)));
        Assert.Equal("How to write a PixelShuffle as operations of ONNX is not known. Let the module, or one that it is part of, implement IOnnxModule.", error.Message);
    }

    private static void AssertSame(Tensor expected, nn.Module module, NamedOnnxValue input, string name, params ReadOnlySpan<OnnxLength> shape)
    {
        var graph = new OnnxGraph([("", module)]);
        graph.Output("found", graph.Add(module, graph.Input(name, shape)));
        using var session = OnnxSession.Of(graph);
        Assert.Equal(expected.Values<float>(), session.Run(input)["found"], new NearnessComparer(1e-5f));
    }

    private static Lockstep Train(string text)
    {
        var spec = SpecOf(text);
        // Normalization has statistics of its own by then.
        return new Lockstep(catalog[spec.Task], spec).Run(2);
    }

    private static TrainingSpec SpecOf(string text)
    {
        var parts = text.Split(' ');
        return new() { Task = parts[0], Shards = 1, Settings = parts[1..].Append("batch=8").Select(setting => setting.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]) };
    }

    /// <summary>The texts as a classifier reads them.</summary>
    private static PaddedTexts Padded(long[]? codes = null) => PaddedTexts.Of([new([.. Enumerable.Range(0, 6)], 0), new([6, 7], 0)], [3, 7, 2, 9, 4, 11, 5, 8], 5, codes);

    /// <summary>What elmo reads of the words: their numbers, or how they are spelled.</summary>
    private static long[] Codes(string input) => input == "words" ? [3, 7, 2, 9, 4, 11, 5, 8] : WordCodes.Spell(["to", "be", "or", "not", "q", "abcdefghijklmnopq", "that", "is"]);

    /// <summary>The same as an input: behind a text's end, 0.</summary>
    private static NamedOnnxValue CodesInput(string input)
    {
        var codes = Codes(input);
        var each = codes.Length / 8;
        return OnnxSession.Input("codes", codes.Concat(new long[4 * each]), 2, 6, each);
    }

    private static Tensor Rows(long[][] rows) => tensor([.. rows.SelectMany(row => row)], [rows.Length, rows[0].Length]);
}
