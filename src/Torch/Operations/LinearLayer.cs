// N samples, C inputs, O outputs
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>A linear layer, whose gradient is added where it belongs instead of being made and then copied.</summary>
internal sealed class LinearLayer : HandGradient
{
    private readonly Dense layer;
    private readonly Tensor x_NC;

    private LinearLayer(Dense layer, Tensor x_NC) => (this.layer, this.x_NC) = (layer, x_NC.contiguous());

    /// <param name="x_NC">Its last dimension is that of the inputs; of others there may be any number.</param>
    public static Tensor Of(Linear module, Tensor x_NC) =>
        Takes(x_NC) ? new LinearLayer(Dense.Of(module), x_NC).Apply([x_NC], module.weight, module.bias) : module.call(x_NC);

    protected override Tensor Forward() => layer.Forward(x_NC);

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient_NO)
    {
        layer.AddBiasGradient(gradient_NO);
        if (x_NC.requires_grad)
        {
            return [layer.Backward(gradient_NO, x_NC)];
        }
        layer.AddWeightGradient(gradient_NO, x_NC);
        return [null];
    }
}
