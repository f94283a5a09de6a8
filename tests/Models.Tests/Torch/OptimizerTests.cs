using Granary.Torch.Runtime;
using Granary.Training.Optimization;
using TorchSharp;
using TorchSharp.Modules;

namespace Granary.Models.Tests.Torch;

public class OptimizerTests
{
    // Neither a multiple of the vector width nor below it.
    private const int Length = 53, Updates = 6;
    private const double LearningRate = 0.05;

    [Theory]
    [InlineData("adam", 0, 0, 0.9)]
    [InlineData("adam", 0, 0.1, 0.5)]
    [InlineData("adamw", 0, 0.1, 0.9)]
    [InlineData("sgd", 0, 0, 0.9)]
    [InlineData("sgd", 0.9, 0, 0.9)]
    [InlineData("sgd", 0.9, 0.1, 0.9)]
    public unsafe void Updates_AreThoseOfTorchOptim(string name, double momentum, double weightDecay, double beta1)
    {
        using var ours = new OptimizerChoice(name, momentum, beta1).Create(Length);
        AssertFollows(ours, weightDecay, parameter => name switch
        {
            "adam" => torch.optim.Adam([parameter], LearningRate, beta1, weight_decay: weightDecay),
            "adamw" => torch.optim.AdamW([parameter], LearningRate, beta1, weight_decay: weightDecay),
            _ => torch.optim.SGD([parameter], LearningRate, momentum, weight_decay: weightDecay),
        });
    }

    [Fact]
    public void Nesterov_IsThatOfTorchOptim()
    {
        using var ours = new Sgd(Length, 0.8f) { Nesterov = true };
        AssertFollows(ours, weightDecay: 0, parameter => torch.optim.SGD([parameter], LearningRate, momentum: 0.8, nesterov: true));
    }

    private static unsafe void AssertFollows(IOptimizer ours, double weightDecay, Func<Parameter, torch.optim.Optimizer> create)
    {
        using var scope = torch.NewDisposeScope();
        using var random = new torch.Generator(1);
        var start = torch.empty(Length).normal_(0, 1, random);
        var parameter = new Parameter(start.clone());
        var mine = start.clone();
        var theirs = create(parameter);
        for (var update = 1; update <= Updates; update++)
        {
            var gradient = torch.empty(Length).normal_(0, 1, random);
            parameter.grad = gradient;
            theirs.step();
            // A sum of four gradients, to be scaled to their mean.
            var sum = gradient * 4;
            ours.Update(0, Length, mine.Floats(), sum.Floats(), new(update, (float)LearningRate, Scale: 0.25f, (float)weightDecay));
            Assert.True(parameter.allclose(mine, rtol: 1e-5, atol: 1e-6), $"update {update}: {parameter.sub(mine).abs().max().item<float>()} apart");
        }
        Assert.False(start.allclose(mine));
    }
}
