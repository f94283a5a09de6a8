// B batch, T time, C features
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Granary.Bench.Models.Plain;

/// <summary>Whether a text is kind: averaged words, convolutions, or a recurrent layer both ways.</summary>
internal sealed class Sentiment : Module<Tensor, Tensor>
{
    private const int Vocabulary = 8000, Width = 100;
    private readonly Embedding embedding = Embedding(Vocabulary, Width);
    private readonly Dropout dropout = Dropout(0.5);
    private readonly ModuleList<Conv1d> convolutions = ModuleList<Conv1d>();
    private readonly LSTM? lstm;
    private readonly GRU? gru;
    private readonly Linear output;

    private Sentiment(string kind) : base(nameof(Sentiment))
    {
        if (kind == "cnn")
        {
            convolutions = ModuleList(new[] { 3, 4, 5 }.Select(size => Conv1d(Width, 100, size)).ToArray());
        }
        lstm = kind == "lstm" ? LSTM(Width, 128, bidirectional: true, batchFirst: true) : null;
        gru = kind == "gru" ? GRU(Width, 128, bidirectional: true, batchFirst: true) : null;
        output = Linear(kind switch { "avg" => Width, "cnn" => 300, _ => 256 }, 1);
        RegisterComponents();
    }

    public static Action Create(string kind)
    {
        var net = new Sentiment(kind);
        var (words_BT, labels_B) = (randint(Vocabulary, [32, 20], int64), randint(2, [32], int64).@float());
        return PlainModel.Stepping(net.parameters(), optim.Adam(net.parameters(), 1e-3), () => functional.binary_cross_entropy_with_logits(net.call(words_BT), labels_B));
    }

    public override Tensor forward(Tensor words_BT)
    {
        var x_BTC = dropout.call(embedding.call(words_BT));
        var x_BC = convolutions.Count > 0 ? cat([.. convolutions.Select(part => functional.relu(part.call(x_BTC.transpose(1, 2))).amax([2]))], 1)
            : lstm is not null ? lstm.call(x_BTC).Item1.amax([1])
            : gru is not null ? gru.call(x_BTC).Item1.amax([1])
            : x_BTC.mean([1]);
        return output.call(dropout.call(x_BC)).squeeze(1);
    }
}
