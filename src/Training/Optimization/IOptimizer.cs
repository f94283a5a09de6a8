using Granary.Training.Numerics;

namespace Granary.Training.Optimization;

/// <summary>Moves parameters against their gradient, in one pass that also scales the gradient.</summary>
public unsafe interface IOptimizer : IDisposable
{
    /// <summary>What it remembers between updates, each as long as the parameters and zero at first. Part of the training state.</summary>
    IReadOnlyList<(string Name, NativeFloats Values)> Memory { get; }

    /// <summary>Updates some consecutive parameters.</summary>
    /// <param name="start">How many parameters lie before them.</param>
    /// <param name="parameters">The first of them.</param>
    /// <param name="gradients">That of the first. Only read.</param>
    void Update(long start, long length, float* parameters, float* gradients, in OptimizerStep step);
}

/// <summary>What is the same for all parameters of a group in one update.</summary>
/// <param name="Update">Its number, from 1.</param>
/// <param name="Scale">Multiplies the gradient first: 1 / weight, times the clipping factor.</param>
/// <param name="WeightDecay">Pull towards 0. Default: none.</param>
public readonly record struct OptimizerStep(long Update, float LearningRate, float Scale, float WeightDecay = 0);

/// <summary>Which optimizer, and what it can be told besides the learning rate.</summary>
/// <param name="Name"><c>adam</c>, <c>adamw</c> or <c>sgd</c>.</param>
/// <param name="Momentum">For <c>sgd</c>.</param>
/// <param name="Beta1">Adam's first decay.</param>
/// <param name="Nesterov">For <c>sgd</c>: whether to look ahead along the velocity.</param>
/// <param name="Beta2">Adam's second decay.</param>
public sealed record OptimizerChoice(string Name, double Momentum = 0, double Beta1 = 0.9, bool Nesterov = false, double Beta2 = 0.999)
{
    /// <summary>Their names.</summary>
    public const string Adam = "adam", AdamW = "adamw", Sgd = "sgd";

    /// <summary>How many vectors, each as long as the parameters, it will remember.</summary>
    public int Vectors => Name != Sgd ? 2 : Momentum > 0 ? 1 : 0;

    /// <param name="length">How many parameters there are.</param>
    public IOptimizer Create(long length) => Name switch
    {
        Adam => new Adam(length) { Beta1 = (float)Beta1, Beta2 = (float)Beta2 },
        AdamW => new Adam(length) { Beta1 = (float)Beta1, Beta2 = (float)Beta2, Decoupled = true },
        Sgd => new Sgd(length, (float)Momentum) { Nesterov = Nesterov },
        _ => throw new ArgumentException($"No optimizer is named '{Name}'. Known: {Adam}, {AdamW}, {Sgd}."),
    };
}
