using Granary.Training.Numerics;

namespace Granary.Training.Optimization;

/// <summary>Moves one flat vector of parameters against its gradient, in one pass that also scales the gradient.</summary>
public unsafe interface IOptimizer : IDisposable
{
    /// <summary>What it remembers between updates, each as long as the parameters and zero at first. Part of the training state.</summary>
    IReadOnlyList<(string Name, NativeFloats Values)> Memory { get; }

    /// <param name="gradients">Only read.</param>
    /// <param name="update">Number of this update, from 1.</param>
    /// <param name="scale">Multiplies the gradient first: 1 / weight, times the clipping factor.</param>
    void Update(float* parameters, float* gradients, long update, float learningRate, float scale);
}

/// <summary>Which optimizer, and what it can be told besides the learning rate.</summary>
/// <param name="Name"><c>adam</c>, <c>adamw</c> or <c>sgd</c>.</param>
/// <param name="Momentum">For <c>sgd</c>.</param>
/// <param name="WeightDecay">For <c>adamw</c> apart from the gradient; for the others added to it.</param>
/// <param name="Beta1">Adam's first decay.</param>
public sealed record OptimizerChoice(string Name, double Momentum = 0, double WeightDecay = 0, double Beta1 = 0.9)
{
    public const string Adam = "adam", AdamW = "adamw", Sgd = "sgd";

    /// <summary>How many vectors as long as the parameters it will remember.</summary>
    public int Vectors => Name != Sgd ? 2 : Momentum > 0 ? 1 : 0;

    /// <param name="length">Of the vector of parameters.</param>
    public IOptimizer Create(int length) => Name switch
    {
        Adam => new Adam(length) { Beta1 = (float)Beta1, WeightDecay = (float)WeightDecay },
        AdamW => new Adam(length) { Beta1 = (float)Beta1, WeightDecay = (float)WeightDecay, Decoupled = true },
        Sgd => new Sgd(length, (float)Momentum) { WeightDecay = (float)WeightDecay },
        _ => throw new ArgumentException($"No optimizer is named '{Name}'. Known: {Adam}, {AdamW}, {Sgd}."),
    };
}
