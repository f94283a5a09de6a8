using System.Text.Json;
using Granary.Bench.Comparing;
using Granary.Bench.Measurement;
using static TorchSharp.torch;

namespace Granary.Bench.Models;

/// <summary>A product of matrices or a convolution that a step of a model needs: as <c>bench/peers/products.jsonl</c> lists them.</summary>
/// <param name="Count">How often a step needs it.</param>
/// <param name="Op"><c>product</c>, <c>convolution</c>, or <c>gradients</c> of a convolution.</param>
/// <param name="Left">Of a product: the shape of the factor.</param>
/// <param name="Transposed">Of a product: which factors lie transposed in memory. Of a convolution: whether it is a transposed one.</param>
/// <param name="Gradients">Of a convolution's gradients: whether the input's and the weight's are wanted.</param>
internal sealed record Product(string Model, int Count, string Op, long[]? Left, long[]? Right, JsonElement Transposed, long[]? Input, long[]? Weight, long Stride, long Padding, bool[]? Gradients)
{
    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web);

    /// <summary>The line without model and count, by which peers name it, too.</summary>
    public string Case { get; private init; } = "";

    public static IEnumerable<Product> Of(string model) => File.ReadLines(Path.Combine(Peer.Folder, "products.jsonl"))
        .Select(line => JsonSerializer.Deserialize<Product>(line, json)! with { Case = "{" + line[line.IndexOf("\"op\"", StringComparison.Ordinal)..] })
        .Where(product => product.Model == model);

    /// <summary>Milliseconds of all of them in a step, done alone, in the faster of both memory formats.</summary>
    public double Time(double seconds, int warmUps, int least)
    {
        var best = double.PositiveInfinity;
        foreach (var channelsLast in Input?.Length == 4 ? new[] { false, true } : [false])
        {
            using var scope = NewDisposeScope();
            best = Math.Min(best, Figure.Median([.. Repeat.Time(Replay(channelsLast), seconds, warmUps, least).Order()]));
        }
        return Count * best;
    }

    private Action Replay(bool channelsLast)
    {
        if (Op == "product")
        {
            var (left, right) = (Factor(Left!, Transposed[0].GetBoolean()), Factor(Right!, Transposed[1].GetBoolean()));
            var into = left.matmul(right);
            return into.dim() == 2 ? () => into.addmm_(left, right, beta: 0, alpha: 1) : () => left.bmm(right).Dispose();
        }
        var wanted = Op == "gradients" ? Gradients! : [false, false];
        var (input, weight) = (Argument(Input!, channelsLast, wanted[0]), Argument(Weight!, channelsLast, wanted[1]));
        if (Op == "convolution")
        {
            return () => Convolve(input, weight).Dispose();
        }
        var output = Convolve(input, weight);
        var gradient = rand_like(output);
        Tensor[] sought = [.. new[] { input, weight }.Where(tensor => tensor.requires_grad)];
        return () =>
        {
            using var scope = NewDisposeScope();
            autograd.grad([output], sought, [gradient], retain_graph: true);
        };
    }

    private Tensor Convolve(Tensor input, Tensor weight) => (Input!.Length, Transposed.GetBoolean()) switch
    {
        (3, false) => nn.functional.conv1d(input, weight, null, Stride, Padding),
        (4, false) => nn.functional.conv2d(input, weight, null, [Stride, Stride], [Padding, Padding]),
        (4, true) => nn.functional.conv_transpose2d(input, weight, null, [Stride, Stride], [Padding, Padding]),
        _ => throw new BenchmarkException($"{Case} is not a convolution that is known here."),
    };

    private static Tensor Factor(long[] shape, bool transposed) =>
        transposed ? rand([.. shape[..^2], shape[^1], shape[^2]]).transpose(-1, -2) : rand(shape);

    private static Tensor Argument(long[] shape, bool channelsLast, bool wanted)
    {
        var values = channelsLast ? rand(shape[0], shape[2], shape[3], shape[1]).permute(0, 3, 1, 2) : rand(shape);
        return values.requires_grad_(wanted);
    }
}
