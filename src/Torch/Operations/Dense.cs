// N samples, C inputs, O outputs
using static TorchSharp.torch;
using TorchSharp.Modules;

namespace Granary.Torch.Operations;

/// <summary>The parameters of a linear layer whose weight has a row for each input.</summary>
internal sealed record Dense(Parameter Weight_CO, Parameter Bias_O)
{
    /// <summary>Adds to the weight's gradient, and gives the input's. The bias's is the caller's, who passes over the output anyway.</summary>
    /// <param name="gradient_NO">The output's.</param>
    public Tensor Backward(Tensor gradient_NO, Tensor input_NC)
    {
        if (Weight_CO.requires_grad)
        {
            using var input_CN = input_NC.t();
            HandGradient.GradientTensor(Weight_CO).addmm_(input_CN, gradient_NO, beta: 1, alpha: 1);
        }
        using var weight_OC = Weight_CO.t();
        return gradient_NO.mm(weight_OC);
    }
}
