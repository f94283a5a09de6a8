// T time, B batch, E inputs, F filters, K places of the kernel, S = T - K + 1 windows, N = S B
using Granary.Torch.Operations.Products;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// A convolution over time of inputs that lie time first: a product for each place of the kernel, whose rows lie side by side as they are, and
/// nothing is copied.
/// </summary>
internal sealed class TimeConvolution : HandGradient
{
    private readonly Conv1d module;
    private readonly Tensor x_TBE;
    private readonly int places, rows, windows;
    private Tensor? weight_KFE;

    private TimeConvolution(Conv1d module, Tensor x_TBE)
    {
        (this.module, this.x_TBE, places, rows) = (module, x_TBE.contiguous(), (int)module.weight!.size(2), (int)x_TBE.size(1));
        windows = (int)x_TBE.size(0) - places + 1;
    }

    /// <param name="module">Without stride, padding, dilation or groups.</param>
    /// <returns>S x B x F.</returns>
    public static Tensor Of(Conv1d module, Tensor x_TBE) =>
        Takes(x_TBE) ? new TimeConvolution(module, x_TBE).Apply([x_TBE], module.weight, module.bias) : module.call(x_TBE.permute(1, 2, 0)).permute(2, 0, 1);

    protected override Tensor Forward()
    {
        weight_KFE = module.weight!.permute(2, 0, 1).contiguous();
        var y_SBF = empty(windows, rows, weight_KFE.size(1));
        var (y, bias) = (Matrix.Of(y_SBF), Matrix.Of(module.bias!));
        var start = bias.Repeated(y.Rows);
        for (var place = 0; place < places; place++)
        {
            MatrixProduct.Multiply(Inputs(x_TBE, place), Filters(weight_KFE, place).Transposed, y, start);
            start = y;
        }
        return y_SBF;
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient)
    {
        var gradient_NF = Matrix.Of(gradient);
        using var learned_KFE = module.weight!.requires_grad ? empty_like(weight_KFE!) : null;
        var input_TBE = x_TBE.requires_grad ? zeros_like(x_TBE) : null;
        for (var place = 0; place < places; place++)
        {
            if (learned_KFE is not null)
            {
                MatrixProduct.Multiply(gradient_NF.Transposed, Inputs(x_TBE, place), Filters(learned_KFE, place));
            }
            if (input_TBE is not null)
            {
                var input_NE = Inputs(input_TBE, place);
                MatrixProduct.Multiply(gradient_NF, Filters(weight_KFE!, place), input_NE, input_NE);
            }
        }
        if (learned_KFE is not null)
        {
            using var learned_FEK = learned_KFE.permute(1, 2, 0);
            GradientTensor(module.weight).add_(learned_FEK);
        }
        if (module.bias!.requires_grad)
        {
            using var sum_F = gradient.sum([0, 1]);
            GradientTensor(module.bias).add_(sum_F);
        }
        return [input_TBE];
    }

    /// <summary>What a place of the kernel meets in all windows.</summary>
    private Matrix Inputs(Tensor inputs_TBE, int place) => Matrix.Of(inputs_TBE).Part(place * rows, windows * rows, 0, (int)inputs_TBE.size(2));

    private static Matrix Filters(Tensor weight_KFE, int place)
    {
        var filters = (int)weight_KFE.size(1);
        return Matrix.Of(weight_KFE).Part(place * filters, filters, 0, (int)weight_KFE.size(2));
    }
}
