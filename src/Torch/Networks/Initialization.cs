using Granary.Training.Randomness;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Networks;

/// <summary>
/// Initial values from a seed of our own: libtorch's initializers draw from one generator shared by all threads of the
/// process. The distributions are PyTorch's defaults.
/// </summary>
public static unsafe class Initialization
{
    /// <summary>
    /// Every parameter of the module and its children: uniform in +-1/sqrt(fan in) for linear and convolution layers, in
    /// +-1/sqrt(hidden size) for recurrent ones, standard normal for embeddings, 1 and 0 for batch norm.
    /// </summary>
    public static void Default(nn.Module root, ulong seed)
    {
        ulong number = 0;
        foreach (var module in root.modules().Prepend(root).Distinct())
        {
            foreach (var (name, parameter) in module.named_parameters(recurse: false))
            {
                var random = new StepRandom(seed, number++);
                switch (module)
                {
                    case Embedding:
                        Normal(parameter, 0, 1, ref random);
                        break;
                    case BatchNorm1d or BatchNorm2d or LayerNorm:
                        Span(parameter).Fill(name == "weight" ? 1 : 0);
                        break;
                    case LSTM or GRU or RNN:
                        var recurrent = module.named_parameters(recurse: false).First(entry => entry.name.StartsWith("weight_hh", StringComparison.Ordinal)).parameter;
                        Uniform(parameter, 1 / Math.Sqrt(recurrent.shape[1]), ref random);
                        break;
                    default:
                        var weight = module.named_parameters(recurse: false).First(entry => entry.name == "weight").parameter;
                        Uniform(parameter, 1 / Math.Sqrt(weight.numel() / weight.shape[0]), ref random);
                        break;
                }
            }
        }
    }

    /// <summary>Uniform in [-bound, bound).</summary>
    public static void Uniform(Tensor tensor, double bound, ref StepRandom random)
    {
        foreach (ref var value in Span(tensor))
        {
            value = (float)((2 * random.NextDouble() - 1) * bound);
        }
    }

    /// <summary>Normally distributed with this mean and deviation.</summary>
    public static void Normal(Tensor tensor, double mean, double deviation, ref StepRandom random)
    {
        foreach (ref var value in Span(tensor))
        {
            value = (float)(mean + deviation * random.NextNormal());
        }
    }

    private static Span<float> Span(Tensor tensor) => new(FlatParameters.Pointer(tensor), (int)tensor.numel());
}
