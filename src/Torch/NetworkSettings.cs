using Granary.Training.Optimization;
using Granary.Training.Tasks;

namespace Granary.Torch;

/// <summary>The settings that all learners have, to inherit from. A learner's own defaults are set in its constructor.</summary>
public record NetworkSettings
{
    // What each one means is said once, in its attribute, where users read it.
#pragma warning disable CS1591
    [Setting("samples in a batch, over all shards", Min = 1, Max = 1 << 24)]
    public int Batch { get; init; } = 64;

    [Setting("how gradients move the weights", Choices = [OptimizerChoice.Adam, OptimizerChoice.AdamW, OptimizerChoice.Sgd])]
    public string Optimizer { get; init; } = OptimizerChoice.Adam;

    [Setting("what remains of sgd's velocity from step to step", Min = 0, Max = 0.9999)]
    public double Momentum { get; init; }

    [Setting("whether sgd looks ahead along its velocity")]
    public bool Nesterov { get; init; }

    [Setting("adam's first decay: what remains of its mean gradient from step to step", Min = 0, Max = 0.999)]
    public double Beta1 { get; init; } = 0.9;

    [Setting("adam's second decay: what remains of its mean squared gradient from step to step", Min = 0, Max = 0.99999)]
    public double Beta2 { get; init; } = 0.999;

    [Setting("pull of the weights towards 0: for adamw apart from the gradient, else a part of it", Min = 0, Max = 1)]
    public double WeightDecay { get; init; }

    [Setting("learning rate; of a schedule, the highest", Min = 0, Max = 10)]
    public double LearningRate { get; init; } = 1e-3;

    [Setting("how the learning rate goes over the run", Choices = [Training.Optimization.Schedule.Constant, Training.Optimization.Schedule.Step, Training.Optimization.Schedule.Linear, Training.Optimization.Schedule.Cosine, Training.Optimization.Schedule.OneCycle, Training.Optimization.Schedule.InverseSquareRoot])]
    public string Schedule { get; init; } = Training.Optimization.Schedule.Constant;

    [Setting("steps over which the learning rate rises at first", Min = 0)]
    public long WarmUp { get; init; }

    [Setting("largest norm of the mean gradient; 0: any", Min = 0, Max = 1e6)]
    public double Clip { get; init; }

    [Setting("steps from one validation to the next; 0: an epoch", Min = 0)]
    public long ValidateEvery { get; init; }

    [Setting("what the learning rate is multiplied with when validation has not improved", Min = 0, Max = 1)]
    public double Decay { get; init; } = 1;

    [Setting("end the run after so many validations in a row without improvement; 0: never", Min = 0, Max = 1 << 20)]
    public int Patience { get; init; }

    [Setting("what the forward pass rounds products to: nothing; bfloat16, where the processor has instructions for it; or bfloat16 in any case, which is slow without them", Choices = [Runtime.Autocast.Off, Runtime.Autocast.BFloat16, Runtime.Autocast.Emulated])]
    public string Autocast { get; init; } = Runtime.Autocast.Off;

    [Setting("how GPUs multiply: in IEEE's single precision, or with factors rounded to TF32, which is several times as fast; a processor's products are IEEE's in any case", Choices = [Runtime.Matmul.Ieee, Runtime.Matmul.Tf32])]
    public string Matmul { get; init; } = Runtime.Matmul.Ieee;
}
