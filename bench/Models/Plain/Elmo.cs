// T time, B batch, C features
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Granary.Bench.Models.Plain;

/// <summary>A language model forwards and one backwards, over the same embeddings.</summary>
internal sealed class Elmo : Module<Tensor, Tensor>
{
    private const int Vocabulary = 5000, Width = 128;
    private readonly Embedding embedding = Embedding(Vocabulary, Width);
    private readonly Dropout dropout = Dropout(0.2);
    private readonly Linear output = Linear(Width, Vocabulary);
    private readonly ModuleList<LSTM> forwards = ModuleList(LSTM(Width, Width), LSTM(Width, Width)), backwards = ModuleList(LSTM(Width, Width), LSTM(Width, Width));

    private Elmo() : base(nameof(Elmo)) => RegisterComponents();

    public static Action Create()
    {
        var net = new Elmo();
        var words_TB = randint(Vocabulary, [33, 32], int64);
        return PlainModel.Stepping(net.parameters(), optim.Adam(net.parameters(), 2e-3), () => net.call(words_TB), clip: 1);
    }

    /// <returns>The loss.</returns>
    public override Tensor forward(Tensor words_TB)
    {
        var x_TBC = dropout.call(embedding.call(words_TB));
        var (ahead_TBC, back_TBC) = (Direction(x_TBC[..^1], forwards), Direction(x_TBC[1..].flip(0), backwards).flip(0));
        return Loss(ahead_TBC, words_TB[1..]) + Loss(back_TBC, words_TB[..^1]);
    }

    private Tensor Direction(Tensor x_TBC, ModuleList<LSTM> layers)
    {
        var first_TBC = layers[0].call(x_TBC).Item1;
        return layers[1].call(dropout.call(first_TBC)).Item1 + first_TBC;
    }

    private Tensor Loss(Tensor states_TBC, Tensor targets_TB) => functional.cross_entropy(output.call(dropout.call(states_TBC)).flatten(0, 1), targets_TB.flatten());
}
