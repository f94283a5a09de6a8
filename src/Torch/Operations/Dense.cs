// N samples, C inputs, O outputs
using Granary.Torch.Operations.Products;
using Granary.Training.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>The parameters of a linear layer, and its products. Samples may lie in any number of dimensions before the last.</summary>
/// <param name="Weight">C x O, or turned, O x C.</param>
/// <param name="IsTurned">As TorchSharp's module has it.</param>
internal sealed record Dense(Parameter Weight, Parameter? Bias_O, bool IsTurned = false)
{
    public int Outputs => Weight_CO.Columns;

    private Matrix Weight_CO => IsTurned ? Matrix.Of(Weight).Transposed : Matrix.Of(Weight);

    public static Dense Of(Linear module) => new(module.weight!, module.bias, IsTurned: true);

    public Tensor Forward(Tensor input_NC)
    {
        var weight = Weight_CO;
        var output_NO = empty([.. input_NC.shape[..^1], weight.Columns]);
        var output = Matrix.Of(output_NO);
        MatrixProduct.Multiply(Matrix.Of(input_NC), weight, output, Bias_O is null ? null : Matrix.Of(Bias_O).Repeated(output.Rows));
        return output_NO;
    }

    /// <summary>Adds to the weight's gradient, and gives the input's. The bias's is by itself, for the caller may pass over the output anyway.</summary>
    /// <param name="gradient_NO">The output's.</param>
    public Tensor Backward(Tensor gradient_NO, Tensor input_NC)
    {
        AddWeightGradient(gradient_NO, input_NC);
        var inputGradient_NC = empty(input_NC.shape);
        MatrixProduct.Multiply(Matrix.Of(gradient_NO), Weight_CO.Transposed, Matrix.Of(inputGradient_NC));
        return inputGradient_NC;
    }

    /// <param name="gradient_NO">The output's.</param>
    public void AddWeightGradient(Tensor gradient_NO, Tensor input_NC)
    {
        if (Weight.requires_grad)
        {
            var (gradient, input, into) = (Matrix.Of(gradient_NO), Matrix.Of(input_NC), Matrix.Of(HandGradient.GradientTensor(Weight)));
            MatrixProduct.Multiply(IsTurned ? gradient.Transposed : input.Transposed, IsTurned ? input : gradient, into, into);
        }
    }

    /// <inheritdoc cref="AddWeightGradient"/>
    public unsafe void AddBiasGradient(Tensor gradient_NO)
    {
        var into = HandGradient.GradientFloats(Bias_O);
        var gradient = Matrix.Of(gradient_NO);
        for (var row = 0; into != null && row < gradient.Rows; row++)
        {
            VectorMath.Add(into, gradient.At + (nint)row * gradient.RowStep, into, gradient.Columns);
        }
    }
}
