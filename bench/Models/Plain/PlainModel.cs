using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Bench.Models.Plain;

/// <summary>A model of <c>bench/peers/train_models.py</c>, line by line as that has it.</summary>
/// <param name="Create">Gives what does one step.</param>
internal sealed record PlainModel(string Name, Func<Action> Create)
{
    public static IReadOnlyList<PlainModel> All { get; } =
    [
        new("cnn", Pictures.Cnn),
        new("resnet", Pictures.Resnet),
        new("transfer", Pictures.Transfer),
        new("style", Style.Create),
        new("dcgan", Dcgan.Create),
        new("sentiment, averaged words", () => Sentiment.Create("avg")),
        new("sentiment, convolutions", () => Sentiment.Create("cnn")),
        new("sentiment, LSTM", () => Sentiment.Create("lstm")),
        new("sentiment, GRU", () => Sentiment.Create("gru")),
        new("seq2seq, plain", () => Translator.Create(attends: false)),
        new("seq2seq, Luong", () => Translator.Create(attends: true)),
        new("elmo", Elmo.Create),
        new("bert", () => Transformer.Create(causal: false)),
        new("gpt", () => Transformer.Create(causal: true)),
    ];

    /// <param name="clip">The most that the gradients' norm may be; 0: anything.</param>
    public static Action Stepping(IEnumerable<Parameter> parameters, optim.Optimizer optimizer, Func<Tensor> lossOf, double clip = 0)
    {
        Parameter[] clipped = [.. parameters];
        return () =>
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = lossOf();
            loss.backward();
            if (clip > 0)
            {
                nn.utils.clip_grad_norm_(clipped, clip);
            }
            optimizer.step();
            loss.item<float>();
        };
    }
}
