// C channels, X Y places, N = X Y
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Granary.Bench.Models.Plain;

/// <summary>A picture with the content of one and the style of another.</summary>
internal static class Style
{
    public static Action Create()
    {
        Sequential[] parts =
        [
            Sequential(Layer(3, 32)),
            Sequential([.. Layer(32, 32), AvgPool2d(2), .. Layer(32, 64)]),
            Sequential([.. Layer(64, 64), AvgPool2d(2), .. Layer(64, 128)]),
            Sequential([.. Layer(128, 128), .. Layer(128, 128), AvgPool2d(2), .. Layer(128, 128)]),
        ];
        foreach (var parameter in parts.SelectMany(part => part.parameters()))
        {
            parameter.requires_grad_(false);
        }
        Tensor content = rand(1, 3, 128, 128), wanted = rand(1, 3, 128, 128);
        Tensor[] grams = [.. Features(parts, wanted).Select(Gram)];
        var shown = Features(parts, content)[2];
        var picture = new Parameter(content.clone());
        return PlainModel.Stepping([picture], optim.Adam([picture], 0.1), () =>
        {
            var found = Features(parts, picture.clamp(-1, 1));
            return found.Zip(grams, (part, gram) => (Gram(part) - gram).square().sum() / gram.square().sum())
                .Aggregate(functional.mse_loss(found[2], shown) / shown.square().mean(), (loss, part) => loss + part);
        });
    }

    private static Module<Tensor, Tensor>[] Layer(int before, int after) => [Conv2d(before, after, 3, padding: 1), ReLU()];

    private static List<Tensor> Features(IEnumerable<Sequential> parts, Tensor picture)
    {
        List<Tensor> found = [(picture + 1) / 2];
        foreach (var part in parts)
        {
            found.Add(part.call(found[^1]));
        }
        return found[1..];
    }

    private static Tensor Gram(Tensor picture)
    {
        var x_CN = picture.flatten(2);
        return x_CN.matmul(x_CN.transpose(1, 2)) / (x_CN.shape[1] * x_CN.shape[2]);
    }
}
