// T time, B batch, I inputs, H hidden
using Granary.Torch.Operations;
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Torch;

public class RecurrenceTests
{
    [Theory]
    [InlineData(6, 3, 5, 16, false)]
    [InlineData(6, 3, 5, 16, true)]
    [InlineData(5, 13, 20, 37, true)]
    [InlineData(3, 8, 7, 9, false)]
    [InlineData(2, 11, 7, 24, true)]
    [InlineData(1, 4, 3, 40, false)]
    [InlineData(1, 1, 3, 5, true)]
    [InlineData(9, 1, 33, 100, true)]
    public void GruStates_AndTheirGradients_AreThoseOfTheModule(int time, int batch, int inputs, int hidden, bool begins)
    {
        using var scope = NewDisposeScope();
        var gru = Gru(time, batch, inputs, hidden, begins);
        var expected = gru.Learn(byHand: false);
        var actual = gru.Learn(byHand: true);
        foreach (var (name, value) in expected)
        {
            AssertClose(name, value, actual[name]);
        }
    }

    [Theory]
    [InlineData(6, 3, 5, 16)]
    [InlineData(5, 13, 20, 37)]
    [InlineData(2, 11, 7, 24)]
    [InlineData(1, 1, 3, 5)]
    [InlineData(4, 2, 3, 200)]
    public void LstmStates_AndTheirGradients_AreThoseOfTheModule(int time, int batch, int inputs, int hidden)
    {
        using var scope = NewDisposeScope();
        var lstm = new Layer<LSTM>(nn.LSTM(inputs, hidden), time, batch, inputs);
        var expected = lstm.Learn(byHand: false);
        var actual = lstm.Learn(byHand: true);
        foreach (var (name, value) in expected)
        {
            AssertClose(name, value, actual[name]);
        }
    }

    [Fact]
    public void GruGradients_AreAddedToThoseThatAreThere()
    {
        using var scope = NewDisposeScope();
        var gru = Gru(4, 3, 5, 6, begins: false);
        var once = gru.Learn(byHand: true);
        var twice = gru.Learn(byHand: true, clear: false);
        foreach (var (name, _) in gru.Cell.named_parameters())
        {
            AssertClose(name, once[name] * 2, twice[name]);
        }
    }

    [Fact]
    public void Gru_WhoseInputAndSomeParametersDoNotLearn_GivesTheOthersTheirGradients()
    {
        string[] frozen = ["weight_hh_l0", "bias_ih_l0"];
        using var scope = NewDisposeScope();
        var gru = Gru(4, 3, 5, 6, begins: true);
        var expected = gru.Learn(byHand: false);
        gru.Input_TBI.requires_grad_(false);
        gru.Begin_1BH!.requires_grad_(false);
        foreach (var (name, parameter) in gru.Cell.named_parameters().Where(entry => frozen.Contains(entry.name)))
        {
            parameter.requires_grad = false;
        }
        var actual = gru.Learn(byHand: true);
        Assert.Equal(["bias_hh_l0", "states", "weight_ih_l0"], actual.Keys.Order());
        foreach (var (name, value) in actual)
        {
            AssertClose(name, expected[name], value);
        }
    }

    [Fact]
    public void Gru_WhoseLastStateAloneIsUsed_LearnsFromIt()
    {
        using var scope = NewDisposeScope();
        var gru = Gru(4, 3, 5, 6, begins: true);
        var expected = gru.Learn(states_TBH => states_TBH[-1].sin().sum(), byHand: false);
        var actual = gru.Learn(states_TBH => states_TBH[-1].sin().sum(), byHand: true);
        foreach (var (name, value) in expected)
        {
            AssertClose(name, value, actual[name]);
        }
    }

    [Fact]
    public void Gru_ComputedTwice_HasTheSameBits()
    {
        using var scope = NewDisposeScope();
        var gru = Gru(5, 13, 20, 37, begins: true);
        var (once, again) = (gru.Learn(byHand: true), gru.Learn(byHand: true));
        Assert.All(once, entry => Assert.True(entry.Value.equal(again[entry.Key]).all().item<bool>(), entry.Key));
    }

    [Fact]
    public void Gru_OfLargeNumbers_Saturates()
    {
        using var scope = NewDisposeScope();
        var gru = Gru(3, 2, 4, 17, begins: false);
        var huge_TBI = gru.Input_TBI.detach() * 1e30;
        using var outside = no_grad();
        AssertClose("states", gru.Cell.call(huge_TBI).Item1, Recurrence.Of(gru.Cell, huge_TBI));
    }

    [Fact]
    public void Gru_OfANumberThatIsNone_IsNone()
    {
        using var scope = NewDisposeScope();
        var gru = Gru(2, 2, 4, 17, begins: false);
        var input_TBI = gru.Input_TBI.detach().clone();
        input_TBI[0, 1, 2] = float.NaN;
        var states_TBH = Recurrence.Of(gru.Cell, input_TBI).detach();
        Assert.True(states_TBH.select(1, 1).isnan().all().item<bool>());
        Assert.False(states_TBH.select(1, 0).isnan().any().item<bool>());
    }

    [Fact]
    public void Gru_OfDoubles_IsTheModules()
    {
        using var scope = NewDisposeScope();
        var cell = nn.GRU(3, 4, dtype: float64);
        var input_TBI = ones([2, 2, 3], float64);
        Assert.True(cell.call(input_TBI).Item1.equal(Recurrence.Of(cell, input_TBI)).all().item<bool>());
    }

    [Fact]
    public void Gru_LeavesNoTensorsBehind()
    {
        using var scope = NewDisposeScope();
        var gru = Gru(4, 3, 5, 6, begins: true);
        Learn();
        var live = TorchRuntime.LiveTensors;
        Learn();
        Assert.Equal(live, TorchRuntime.LiveTensors);

        void Learn()
        {
            using var step = NewDisposeScope();
            gru.Learn(byHand: true, clear: false);
        }
    }

    private static void AssertClose(string name, Tensor expected, Tensor actual) =>
        Assert.True((expected - actual).abs().max().item<float>() <= 1e-5 * Math.Max(1, expected.abs().max().item<float>()), $"{name}: {(expected - actual).abs().max().item<float>()} apart");

    private static Layer<GRU> Gru(int time, int batch, int inputs, int hidden, bool begins) =>
        new(nn.GRU(inputs, hidden), time, batch, inputs, begins ? (linspace(-1, 1, batch * hidden).view(1, batch, hidden) * 1.5).requires_grad_(true) : null);

    private sealed class Layer<TCell> where TCell : nn.Module
    {
        public Layer(TCell cell, int time, int batch, int inputs, Tensor? begin_1BH = null)
        {
            (Cell, Begin_1BH) = (cell, begin_1BH);
            using var random = new Generator(1);
            foreach (var parameter in Cell.parameters())
            {
                using var outside = no_grad();
                parameter.normal_(0, 0.4, random);
            }
            Input_TBI = empty(time, batch, inputs).normal_(0, 1, random).requires_grad_(true);
        }

        public TCell Cell { get; }

        public Tensor Input_TBI { get; }

        public Tensor? Begin_1BH { get; }

        public Dictionary<string, Tensor> Learn(bool byHand, bool clear = true) => Learn(states_TBH => states_TBH.sin().sum(), byHand, clear);

        /// <summary>The states, and the gradients of all that learns.</summary>
        public Dictionary<string, Tensor> Learn(Func<Tensor, Tensor> loss, bool byHand, bool clear = true)
        {
            (string Name, Tensor? Value)[] all = [.. Cell.named_parameters().Select(entry => (entry.name, (Tensor?)entry.parameter)), ("input", Input_TBI), ("begin", Begin_1BH)];
            var learning = all.Where(entry => entry.Value is { requires_grad: true }).ToDictionary(entry => entry.Name, entry => entry.Value!);
            foreach (var value in learning.Values.Where(_ => clear))
            {
                value.grad = null;
            }
            var states_TBH = Cell is GRU gru
                ? byHand ? Recurrence.Of(gru, Input_TBI, Begin_1BH) : gru.call(Input_TBI, Begin_1BH!).Item1
                : Cell is LSTM lstm && byHand ? Recurrence.Of(lstm, Input_TBI) : ((LSTM)(nn.Module)Cell).call(Input_TBI).Item1;
            loss(states_TBH).backward();
            return learning.Select(entry => (entry.Key, entry.Value.grad!.clone())).Append(("states", states_TBH.detach())).ToDictionary();
        }
    }
}
