using System.Text.Json;
using Granary.Testing;
using Granary.Torch;
using Granary.Torch.Data.Texts;
using Granary.Torch.Onnx;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Pretrained;

/// <summary>What a model answers as a graph of ONNX, by ONNX Runtime, is what it answers here.</summary>
public sealed class OnnxTests
{
    private static readonly TaskCatalog catalog = TaskCatalog.Of(typeof(TwoLayer).Assembly);

    [Theory]
    [InlineData("cnn maps=4 hidden=8", "images", 1, 28, 28)]
    [InlineData("resnet width=8 size=16", "images", 3, 16, 16)]
    [InlineData("resnet width=8 size=32 depth=50 stem=large", "images", 3, 32, 32)]
    [InlineData("transfer width=8 size=16", "images", 3, 16, 16)]
    [InlineData("dcgan maps=4 size=16 latent=8", "noise", 8, 1, 1)]
    [InlineData("gan hidden=16", "noise", 64)]
    [InlineData("fizzbuzz hidden=8", "digits", 10)]
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
    [InlineData("model=wordavg")]
    [InlineData("model=cnn filters=4")]
    public void Graph_OfAClassifierOfTexts_LooksNotBehindTheirEnds(string settings)
    {
        using var trained = Train($"sentiment embedding=8 {settings}");
        var learner = (Learner)trained.Replica.Model;
        long[][] rows = [[3, 7, 2, 9, 4, 11], [5, 8, 0, 0, 0, 0]];
        var padded = PaddedTexts.Of([new([.. Enumerable.Range(0, 6)], 0), new([6, 7], 0)], [3, 7, 2, 9, 4, 11, 5, 8], 5);
        var expected = learner.Use(() => ((Texts.ITextClassifier)learner.Networks[0].Module).Forward(padded).Values<float>());
        using var session = OnnxSession.Of(learner);
        long[][] seen = [[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]];
        Assert.Equal(expected, session.Run(("input_ids", rows), ("attention_mask", seen)), new NearnessComparer(1e-5f));
        Assert.Equal(2, JsonSerializer.Deserialize<string[]>(session.Notes["labels"])!.Length);
    }

    [Fact]
    public void Graph_OfBertWithGpt2sLayers_SeesBothSidesAndNothingBehindTheEnd()
    {
        using var trained = Train("bert layers=2 heads=2 width=8 context=6");
        var learner = (Learner)trained.Replica.Model;
        long[][] rows = [[3, 7, 2, 9, 4, 1], [5, 8, 1, 2, 2, 2]], seen = [[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]];
        var reader = (Texts.IMaskedReader)learner.Networks[0].Module;
        var expected = learner.Use(() => reader.Logits(reader.Read(Rows(rows), Rows(seen).eq(0))).Values<float>());
        using var session = OnnxSession.Of(learner);
        var found = session.Run(("input_ids", rows), ("attention_mask", seen));
        var told = 9 * expected.Length / 12; // the last three tokens are nobody's
        Assert.Equal(expected[..told], found[..told], new NearnessComparer(1e-5f));
    }

    [Fact]
    public void Module_ThatIsNotKnown_IsNamed()
    {
        using var module = nn.Sequential(("grow", nn.Upsample([2, 2])));
        var graph = new OnnxGraph([("", module)]);
        var error = Assert.Throws<UserErrorException>(() => graph.Add(module, graph.Input("images", "batch", 1, 4, 4)));
        Assert.Equal("How to write a Upsample as operations of ONNX is not known. Let the module, or one that it is part of, implement IOnnxModule.", error.Message);
    }

    private static Lockstep Train(string text)
    {
        var parts = text.Split(' ');
        var spec = new TrainingSpec { Task = parts[0], Shards = 1, Settings = parts[1..].Append("batch=8").Select(setting => setting.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]) };
        // Normalization has statistics of its own by then.
        return new Lockstep(catalog[parts[0]], spec).Run(2);
    }

    private static Tensor Rows(long[][] rows) => tensor([.. rows.SelectMany(row => row)], [rows.Length, rows[0].Length]);
}
