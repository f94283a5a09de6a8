// T time, B batch, N = T B, I inputs, O outputs
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Bench.Steps;

/// <summary>The language model as one writes it with TorchSharp alone: its own LSTM, dropout, loss, clipping and Adam.</summary>
internal sealed class BareLanguageModel : IDisposable
{
    private const int Vocabulary = 10_000, Width = 200, Layers = 2, Rows = 32, Time = 32;
    private readonly Embedding encoder = nn.Embedding(Vocabulary, Width);
    private readonly LSTM rnn = nn.LSTM(Width, Width, Layers, dropout: 0.5);
    private readonly Dropout dropout = nn.Dropout(0.5);
    private readonly Linear decoder = nn.Linear(Width, Vocabulary);
    private readonly Tensor words_TB = randint(Vocabulary, [Time, Rows], int64), next_N = randint(Vocabulary, [Time * Rows], int64);
    private readonly Parameter[] parameters;
    private readonly optim.Optimizer optimizer;
    private Tensor hidden = zeros(Layers, Rows, Width), cell = zeros(Layers, Rows, Width);

    public BareLanguageModel()
    {
        parameters = [.. new nn.Module[] { encoder, rnn, decoder }.SelectMany(part => part.parameters())];
        optimizer = optim.Adam(parameters, 1e-3);
    }

    public void Run()
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        var (output_TBH, nextHidden, nextCell) = rnn.call(dropout.call(encoder.call(words_TB)), (hidden, cell));
        var loss = nn.functional.cross_entropy(decoder.call(dropout.call(output_TBH)).flatten(0, 1), next_N);
        loss.backward();
        nn.utils.clip_grad_norm_(parameters, 5);
        optimizer.step();
        loss.item<float>();
        hidden.Dispose();
        cell.Dispose();
        hidden = nextHidden.detach().DetachFromDisposeScope();
        cell = nextCell.detach().DetachFromDisposeScope();
    }

    public void Dispose()
    {
        optimizer.Dispose();
        foreach (var part in new IDisposable[] { encoder, rnn, dropout, decoder, words_TB, next_N, hidden, cell })
        {
            part.Dispose();
        }
    }
}

/// <summary>The <c>two-layer</c> task with its defaults as one writes it with TorchSharp alone: steps so short that whatever is added to them shows.</summary>
internal sealed class BareTwoLayers : IDisposable
{
    private readonly Sequential network = nn.Sequential(nn.Linear(1000, 100), nn.ReLU(), nn.Linear(100, 10));
    private readonly Tensor inputs_BI = randn(64, 1000), targets_BO = randn(64, 10);
    private readonly optim.Optimizer optimizer;

    public BareTwoLayers() => optimizer = optim.Adam(network.parameters(), 1e-3);

    public void Run()
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        var loss = nn.functional.mse_loss(network.call(inputs_BI), targets_BO, nn.Reduction.Sum);
        loss.backward();
        optimizer.step();
        loss.item<float>();
    }

    public void Dispose()
    {
        optimizer.Dispose();
        network.Dispose();
        inputs_BI.Dispose();
        targets_BO.Dispose();
    }
}
