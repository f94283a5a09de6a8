// T time, B batch, E inputs, F filters, K places of the kernel, S = T - K + 1 windows, N = S B
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
    private readonly long places, rows, windows;
    private Tensor? weight_KFE;

    private TimeConvolution(Conv1d module, Tensor x_TBE)
    {
        (this.module, this.x_TBE, places, rows) = (module, x_TBE.contiguous(), module.weight!.size(2), x_TBE.size(1));
        windows = x_TBE.size(0) - places + 1;
    }

    /// <param name="module">Without stride, padding, dilation or groups.</param>
    /// <returns>S x B x F.</returns>
    public static Tensor Of(Conv1d module, Tensor x_TBE) =>
        Takes(x_TBE) ? new TimeConvolution(module, x_TBE).Apply([x_TBE], module.weight, module.bias) : module.call(x_TBE.permute(1, 2, 0)).permute(2, 0, 1);

    protected override Tensor Forward()
    {
        weight_KFE = module.weight!.permute(2, 0, 1).contiguous();
        using var x_PE = x_TBE.flatten(0, 1);
        var y_NF = empty(windows * rows, weight_KFE.size(1)).copy_(module.bias!);
        for (var place = 0; place < places; place++)
        {
            using var x_NE = x_PE.narrow(0, place * rows, windows * rows);
            using var weight_FE = weight_KFE.select(0, place);
            using var weight_EF = weight_FE.t();
            y_NF.addmm_(x_NE, weight_EF, beta: 1, alpha: 1);
        }
        return y_NF.view(windows, rows, -1);
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient)
    {
        using var x_PE = x_TBE.flatten(0, 1);
        using var gradient_NF = gradient.flatten(0, 1);
        using var gradient_FN = gradient_NF.t();
        using var learned_KFE = module.weight!.requires_grad ? empty_like(weight_KFE!) : null;
        var input_TBE = x_TBE.requires_grad ? zeros_like(x_TBE) : null;
        using var input_PE = input_TBE?.flatten(0, 1);
        for (var place = 0; place < places; place++)
        {
            using var x_NE = x_PE.narrow(0, place * rows, windows * rows);
            using var learned_FE = learned_KFE?.select(0, place);
            learned_FE?.addmm_(gradient_FN, x_NE, beta: 0, alpha: 1);
            using var input_NE = input_PE?.narrow(0, place * rows, windows * rows);
            using var weight_FE = weight_KFE!.select(0, place);
            input_NE?.addmm_(gradient_NF, weight_FE, beta: 1, alpha: 1);
        }
        if (learned_KFE is not null)
        {
            using var learned_FEK = learned_KFE.permute(1, 2, 0);
            GradientTensor(module.weight).add_(learned_FEK);
        }
        if (module.bias!.requires_grad)
        {
            using var sum_F = gradient_NF.sum([0]);
            GradientTensor(module.bias).add_(sum_F);
        }
        return [input_TBE];
    }
}
