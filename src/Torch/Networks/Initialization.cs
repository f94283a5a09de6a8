using Granary.Torch.Runtime;
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
    /// +-1/sqrt(hidden size) for recurrent ones, standard normal for embeddings, 1 and 0 for normalizations, Glorot's for the
    /// projections of attention. A parameter of a module that is not libtorch's stays as it was made if all its values are equal.
    /// </summary>
    /// <param name="leave">Which parameters are left alone, as the caller gives them values. Default: none.</param>
    /// <exception cref="UnfitNetworkException">A parameter of a module that is not libtorch's has been made from random numbers, which no seed of ours governs.</exception>
    public static void Default(nn.Module root, ulong seed, Func<Parameter, bool>? leave = null)
    {
        ulong number = 0;
        foreach (var module in root.modules().Prepend(root).Distinct())
        {
            foreach (var (name, parameter) in module.named_parameters(recurse: false))
            {
                var random = new StepRandom(seed, number++);
                if (leave?.Invoke(parameter) != true)
                {
                    Fill(module, name, parameter, ref random);
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

    private static void Fill(nn.Module module, string name, Parameter parameter, ref StepRandom random)
    {
        switch (module)
        {
            case Embedding or EmbeddingBag:
                Normal(parameter, 0, 1, ref random);
                break;
            case NormBase or LayerNorm or GroupNorm:
                Span(parameter).Fill(name == "weight" ? 1 : 0);
                break;
            case PReLU:
                Span(parameter).Fill(0.25f);
                break;
            case Bilinear:
                Uniform(parameter, 1 / Math.Sqrt(Sibling(module, entry => entry == "weight")!.shape[1]), ref random);
                break;
            case LSTM or GRU or RNN or LSTMCell or GRUCell or RNNCell:
                var recurrent = Sibling(module, entry => entry.StartsWith("weight_hh", StringComparison.Ordinal))!;
                Uniform(parameter, 1 / Math.Sqrt(recurrent.shape[1]), ref random);
                break;
            case MultiheadAttention or TransformerEncoderLayer or TransformerDecoderLayer or TransformerEncoder or TransformerDecoder or Transformer:
                Attend(module, name, parameter, ref random);
                break;
            case var _ when module.GetType().Assembly == typeof(Linear).Assembly && Sibling(module, entry => entry == "weight") is { } weight:
                Uniform(parameter, 1 / Math.Sqrt(weight.numel() / weight.shape[0]), ref random);
                break;
            default:
                Keep(module, name, parameter);
                break;
        }
    }

    /// <summary>The parts of attention, told by their names, as libtorch keeps the parts to itself.</summary>
    private static void Attend(nn.Module module, string name, Parameter parameter, ref StepRandom random)
    {
        var (part, kind) = name.LastIndexOf('.') is var dot and >= 0 ? (name[..dot], name[(dot + 1)..]) : ("", name);
        if (part.Split('.')[^1].StartsWith("norm", StringComparison.Ordinal))
        {
            Span(parameter).Fill(kind == "weight" ? 1 : 0);
        }
        else if (kind.StartsWith("in_proj", StringComparison.Ordinal) || part.EndsWith("out_proj", StringComparison.Ordinal))
        {
            var bound = parameter.dim() < 2 ? 0 : part.EndsWith("out_proj", StringComparison.Ordinal) ? 1 / Math.Sqrt(parameter.shape[1]) : Math.Sqrt(6d / (parameter.shape[0] + parameter.shape[1]));
            Uniform(parameter, bound, ref random);
        }
        else
        {
            Uniform(parameter, 1 / Math.Sqrt(Sibling(module, entry => entry == $"{part}.weight")!.shape[1]), ref random);
        }
    }

    private static void Keep(nn.Module module, string name, Parameter parameter)
    {
        var values = Span(parameter);
        if (values.Length > 0 && values.IndexOfAnyExcept(values[0]) >= 0)
        {
            throw new UnfitNetworkException(
                $"{module.GetType().Name}.{name} has been made from values that differ, from libtorch's own random numbers perhaps, which would not be the same in two processes. "
                + "Make it of equal values (zeros, ones), or give it values from the seed: override Initialize of the learner, call Initialization.Default with a leave that names it, and then Normal or Uniform.");
        }
    }

    private static Parameter? Sibling(nn.Module module, Func<string, bool> isIt) => module.named_parameters(recurse: false).FirstOrDefault(entry => isIt(entry.name)).parameter;

    private static Span<float> Span(Tensor tensor) => new(tensor.Floats(), checked((int)tensor.numel()));
}
