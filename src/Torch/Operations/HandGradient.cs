using Granary.Torch.Devices;
using Granary.Torch.Runtime;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>
/// A part of a network that is computed outside autograd, with its gradient by hand: fewer passes over memory than a chain of libtorch's
/// operations. What it keeps for backward must live until then: the pass's scope sees to it. Parameters' gradients are added where they belong at once, as <see cref="Networks.SoftmaxOutput"/> does.
/// </summary>
internal abstract unsafe class HandGradient
{
    /// <summary>Whether parts that are written by hand can take these: 32-bit floats of the host, and nothing is rounded on the way.</summary>
    public static bool Takes(Tensor values) => ReplicaDevice.Current.IsHost && values.dtype == float32 && values.device_type == DeviceType.CPU && !Autocast.IsOn;

    /// <summary>Where a parameter's gradient is added up; zeros if there is none yet.</summary>
    public static Tensor GradientTensor(Parameter parameter)
    {
        if (parameter.grad is { } gradient)
        {
            return gradient;
        }
        return parameter.grad = zeros_like(parameter).DetachFromDisposeScope();
    }

    /// <summary>The memory of <see cref="GradientTensor"/>; null if there is no such parameter, or it does not learn.</summary>
    public static float* GradientFloats(Parameter? parameter) => parameter is { requires_grad: true } ? GradientTensor(parameter).Floats() : null;

    /// <summary>What a dropout module multiplies values of this shape by; <see langword="null"/>: it drops nothing.</summary>
    protected static Tensor? Kept(Dropout? dropout, params long[] shape)
    {
        using var outside = no_grad();
        return dropout is { training: true, p: > 0 } ? dropout.call(ones(shape)) : null;
    }

    /// <summary>The end of a residual block, in place: x + y kept.</summary>
    /// <param name="kept">What dropout multiplies by; <see langword="null"/>: there is none.</param>
    protected static Tensor Sum(Tensor x, Tensor y, Tensor? kept) => (kept is null ? y : y.mul_(kept)).add_(x.view(y.shape)).view(x.shape);

    /// <summary>The gradient of y in <see cref="Sum"/>.</summary>
    protected static Tensor Dropped(Tensor gradient, Tensor? kept) => kept is null ? gradient.alias() : gradient * kept;

    /// <summary>The output, which autograd knows as a function of the inputs and the parameters.</summary>
    /// <param name="inputs">Those whose gradients <see cref="Backward"/> returns, in this order.</param>
    /// <param name="parameters">Those to whose gradients <see cref="Backward"/> adds.</param>
    protected Tensor Apply(IReadOnlyList<Tensor> inputs, params IEnumerable<Parameter?> parameters)
    {
        Tensor[] known = [.. inputs, .. parameters.OfType<Parameter>()];
        return is_grad_enabled() && known.Any(tensor => tensor.requires_grad) ? Function.apply([this, .. known]) : Forward();
    }

    /// <summary>Computes the output; autograd does not look. No view of another tensor: nobody could change it in place, as an activation may want to.</summary>
    protected abstract Tensor Forward();

    /// <summary>The output's gradient in the layout that <see cref="Backward"/> wants.</summary>
    protected virtual Tensor Laid(Tensor gradient) => gradient.contiguous();

    /// <param name="gradient">The output's.</param>
    /// <returns>The inputs'; <see langword="null"/> where none is wanted.</returns>
    protected abstract IReadOnlyList<Tensor?> Backward(Tensor gradient);

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        private const string Part = "part";

        public override string Name => nameof(HandGradient);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            var part = (HandGradient)arguments[0];
            context.save_data(Part, (part, arguments.Length));
            return part.Forward();
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient)
        {
            var (part, count) = ((HandGradient, int))context.get_data(Part);
            var gradients = new Tensor[count];
            part.Backward(part.Laid(gradient)).ToArray().CopyTo(gradients, 1);
            return [.. gradients];
        }
    }
}
