using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Granary.Torch.Runtime;

/// <summary>
/// Whether tensors are what TorchSharp takes them for, and layers compute what they should: with another libtorch than it was built
/// for it may read the wrong places of memory, without a word. Takes a fraction of a second.
/// </summary>
public static class SmokeTest
{
    /// <summary>What is looked at.</summary>
    public const string Subjects = "views, product, convolution, LSTM and embedding with gradients";

    private const double Tolerance = 1e-4;

    /// <summary>Empty: all is as expected; else a sentence each.</summary>
    public static IReadOnlyList<string> Faults() => Faults(CPU);

    /// <inheritdoc cref="Faults()"/>
    /// <param name="place">What computes in 32 bits; in 64 the processor does.</param>
    internal static IReadOnlyList<string> Faults(Device place)
    {
        _ = TorchRuntime.Switches;
        TorchRuntime.UseOneThread();
        Device At(ScalarType type) => type == ScalarType.Float32 ? place : CPU;
        return
        [
            .. Try("views", () => Views(place)),
            .. Try("product", () => Compare("product", type => Product(type, At(type)))),
            .. Try("convolution", () => Compare("convolution", type => Convolution(type, At(type)))),
            .. Try("LSTM", () => Compare("LSTM", type => Lstm(type, At(type)))),
            .. Try("embedding", () => Compare("embedding", type => Lookup(type, At(type)))),
        ];
    }

    /// <param name="compute">The same in the precision that is asked for: results and gradients, with names.</param>
    internal static IReadOnlyList<string> Compare(string what, Func<ScalarType, (string Name, Tensor Values)[]> compute)
    {
        List<string> faults = [];
        foreach (var ((name, values), (_, exact)) in compute(ScalarType.Float32).Zip(compute(ScalarType.Float64)))
        {
            if (values.dtype != ScalarType.Float32 || !values.shape.SequenceEqual(exact.shape))
            {
                faults.Add($"{what}: the {name} is {values.dtype} [{string.Join(", ", values.shape)}], not Float32 [{string.Join(", ", exact.shape)}].");
                continue;
            }
            var off = values.cpu().to(ScalarType.Float64).sub(exact).abs().max().item<double>() / Math.Max(1, exact.abs().max().item<double>());
            // Not a number is off, too.
            if (!(off <= Tolerance))
            {
                faults.Add($"{what}: the {name} in 32 bits is {off:G2} off that in 64 bits.");
            }
        }
        return faults;
    }

    private static IReadOnlyList<string> Try(string what, Func<IReadOnlyList<string>> test)
    {
        using var scope = NewDisposeScope();
        try
        {
            return test();
        }
        catch (Exception error)
        {
            return [$"{what}: {error.GetType().Name}: {error.Message}"];
        }
    }

    private static IReadOnlyList<string> Views(Device place)
    {
        var part = arange(24, dtype: ScalarType.Float32, device: place).view(4, 6).narrow(0, 1, 2).narrow(1, 2, 3);
        var copy = part.contiguous();
        (string Name, string Is, string Expected)[] facts =
        [
            ("type of a view", $"{part.dtype}", "Float32"),
            ("device of a view", $"{part.device_type}", $"{place.type}"),
            ("shape of a view", List(part.shape), "2 3"),
            ("strides of a view", List(part.stride()), "6 1"),
            ("offset of a view", $"{part.storage_offset()}", "8"),
            ("size of a view", $"{part.numel()}", "6"),
            ("strides of a copy", List(copy.stride()), "3 1"),
            ("offset of a copy", $"{copy.storage_offset()}", "0"),
            ("values of a view", List(copy.cpu().data<float>()), "8 9 10 14 15 16"),
            ("type of whole numbers", $"{part.to(ScalarType.Int64).dtype}", "Int64"),
            ("values of whole numbers", List(part.to(ScalarType.Int64).contiguous().cpu().data<long>()), "8 9 10 14 15 16"),
            ("type of halved numbers", $"{part.to(ScalarType.BFloat16).dtype}", "BFloat16"),
        ];
        return [.. facts.Where(fact => fact.Is != fact.Expected).Select(fact => $"views: the {fact.Name} is {fact.Is}, not {fact.Expected}.")];
    }

    private static (string Name, Tensor Values)[] Product(ScalarType type, Device place)
    {
        var (left, right) = (Wave(type, place, 33, 17).requires_grad_(), Wave(type, place, 17, 29).requires_grad_());
        return Learn(left.mm(right), left, right);
    }

    private static (string Name, Tensor Values)[] Convolution(ScalarType type, Device place)
    {
        var (images, weight) = (Wave(type, place, 2, 3, 9, 9).requires_grad_(), Wave(type, place, 4, 3, 3, 3).requires_grad_());
        return Learn(functional.conv2d(images, weight, padding: [1, 1]), images, weight);
    }

    private static (string Name, Tensor Values)[] Lstm(ScalarType type, Device place)
    {
        using var lstm = LSTM(5, 7, device: place, dtype: type);
        Fill(lstm, type, place);
        var input = Wave(type, place, 6, 3, 5).requires_grad_();
        return Learn(lstm.forward(input).Item1, [input, .. lstm.parameters()]);
    }

    private static (string Name, Tensor Values)[] Lookup(ScalarType type, Device place)
    {
        using var embedding = Embedding(11, 4, device: place, dtype: type);
        Fill(embedding, type, place);
        return Learn(embedding.forward(tensor(new long[] { 3, 1, 4, 1, 5, 9, 2, 6 }, device: place)), [.. embedding.parameters()]);
    }

    /// <summary>The result, and the gradients of half the sum of its squares.</summary>
    private static (string Name, Tensor Values)[] Learn(Tensor result, params Tensor[] inputs)
    {
        result.square().sum().mul(0.5).backward();
        // Kept beyond the module they belong to.
        return [("result", result.detach()), .. inputs.Select((input, index) => ($"gradient {index + 1}", input.grad!.clone()))];
    }

    private static void Fill(Module module, ScalarType type, Device place)
    {
        using var _ = no_grad();
        foreach (var parameter in module.parameters())
        {
            parameter.copy_(Wave(type, place, parameter.shape));
        }
    }

    /// <summary>Values between -1 and 1 that hang on no generator.</summary>
    private static Tensor Wave(ScalarType type, Device place, params long[] shape)
    {
        var count = shape.Aggregate(1L, (product, size) => product * size);
        return arange(count, dtype: ScalarType.Float64).mul(0.7).add(0.3).sin().view(shape).to(type).to(place).detach();
    }

    private static string List<T>(IEnumerable<T> values) => string.Join(' ', values);
}
