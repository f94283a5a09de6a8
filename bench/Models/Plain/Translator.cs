// B batch, S source time, T target time, C features, V vocabulary
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Granary.Bench.Models.Plain;

/// <summary>A recurrent layer reads a sentence both ways, another writes it in another language, and may look back at the first's states.</summary>
internal sealed class Translator : Module<Tensor, Tensor, Tensor>
{
    private const int Source = 6000, Target = 2500, Width = 200;
    private readonly Embedding source = Embedding(Source + 4, Width), target = Embedding(Target + 4, Width);
    private readonly Dropout dropout = Dropout(0.2);
    private readonly GRU encoder = GRU(Width, Width, batchFirst: true, bidirectional: true), decoder = GRU(Width, Width, batchFirst: true);
    private readonly Linear join = Linear(2 * Width, Width), output = Linear(Width, Target + 3);
    private readonly Linear? score, mix;

    private Translator(bool attends) : base(nameof(Translator))
    {
        (score, mix) = attends ? (Linear(2 * Width, Width, hasBias: false), Linear(3 * Width, Width)) : (null, null);
        RegisterComponents();
    }

    public static Action Create(bool attends)
    {
        var net = new Translator(attends);
        Tensor source_BS = randint(Source, [64, 9], int64), given_BT = randint(Target, [64, 13], int64), wanted_N = randint(Target, [64 * 13], int64);
        return PlainModel.Stepping(net.parameters(), optim.Adam(net.parameters(), 3e-3), () => functional.cross_entropy(net.call(source_BS, given_BT).flatten(0, 1), wanted_N), clip: 5);
    }

    public override Tensor forward(Tensor source_BS, Tensor given_BT)
    {
        var (states_BSC, last) = encoder.call(dropout.call(source.call(source_BS)));
        var begin_BC = join.call(cat([last[0], last[1]], 1)).tanh();
        var (z_BTC, _) = decoder.call(dropout.call(target.call(given_BT)), begin_BC.unsqueeze(0));
        if (score is not null && mix is not null)
        {
            var looks_BTS = functional.softmax(z_BTC.matmul(score.call(states_BSC).transpose(1, 2)) / Math.Sqrt(Width), 2);
            z_BTC = mix.call(cat([looks_BTS.matmul(states_BSC), z_BTC], 2)).tanh();
        }
        return output.call(dropout.call(z_BTC));
    }
}
