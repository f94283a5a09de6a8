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
    public static IReadOnlyList<string> Faults()
    {
        _ = TorchRuntime.Switches;
        TorchRuntime.UseOneThread();
        return
        [
            .. Try("views", Views),
            .. Try("product", () => Compare("product", Product)),
            .. Try("convolution", () => Compare("convolution", Convolution)),
            .. Try("LSTM", () => Compare("LSTM", Lstm)),
            .. Try("embedding", () => Compare("embedding", Lookup)),
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
            var off = values.to(ScalarType.Float64).sub(exact).abs().max().item<double>() / Math.Max(1, exact.abs().max().item<double>());
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

    private static IReadOnlyList<string> Views()
    {
        var part = arange(24, dtype: ScalarType.Float32).view(4, 6).narrow(0, 1, 2).narrow(1, 2, 3);
        var copy = part.contiguous();
        (string Name, string Is, string Expected)[] facts =
        [
            ("type of a view", $"{part.dtype}", "Float32"),
            ("device of a view", $"{part.device_type}", "CPU"),
            ("shape of a view", List(part.shape), "2 3"),
            ("strides of a view", List(part.stride()), "6 1"),
            ("offset of a view", $"{part.storage_offset()}", "8"),
            ("size of a view", $"{part.numel()}", "6"),
            ("strides of a copy", List(copy.stride()), "3 1"),
            ("offset of a copy", $"{copy.storage_offset()}", "0"),
            ("values of a view", List(copy.data<float>()), "8 9 10 14 15 16"),
            ("type of whole numbers", $"{part.to(ScalarType.Int64).dtype}", "Int64"),
            ("values of whole numbers", List(part.to(ScalarType.Int64).contiguous().data<long>()), "8 9 10 14 15 16"),
            ("type of halved numbers", $"{part.to(ScalarType.BFloat16).dtype}", "BFloat16"),
        ];
        return [.. facts.Where(fact => fact.Is != fact.Expected).Select(fact => $"views: the {fact.Name} is {fact.Is}, not {fact.Expected}.")];
    }

    private static (string Name, Tensor Values)[] Product(ScalarType type)
    {
        var (left, right) = (Wave(type, 33, 17).requires_grad_(), Wave(type, 17, 29).requires_grad_());
        return Learn(left.mm(right), left, right);
    }

    private static (string Name, Tensor Values)[] Convolution(ScalarType type)
    {
        var (images, weight) = (Wave(type, 2, 3, 9, 9).requires_grad_(), Wave(type, 4, 3, 3, 3).requires_grad_());
        return Learn(functional.conv2d(images, weight, padding: [1, 1]), images, weight);
    }

    private static (string Name, Tensor Values)[] Lstm(ScalarType type)
    {
        using var lstm = LSTM(5, 7, dtype: type);
        Fill(lstm, type);
        var input = Wave(type, 6, 3, 5).requires_grad_();
        return Learn(lstm.forward(input).Item1, [input, .. lstm.parameters()]);
    }

    private static (string Name, Tensor Values)[] Lookup(ScalarType type)
    {
        using var embedding = Embedding(11, 4, dtype: type);
        Fill(embedding, type);
        return Learn(embedding.forward(tensor(new long[] { 3, 1, 4, 1, 5, 9, 2, 6 })), [.. embedding.parameters()]);
    }

    /// <summary>The result, and the gradients of half the sum of its squares.</summary>
    private static (string Name, Tensor Values)[] Learn(Tensor result, params Tensor[] inputs)
    {
        result.square().sum().mul(0.5).backward();
        // Kept beyond the module they belong to.
        return [("result", result.detach()), .. inputs.Select((input, index) => ($"gradient {index + 1}", input.grad!.clone()))];
    }

    private static void Fill(Module module, ScalarType type)
    {
        using var _ = no_grad();
        foreach (var parameter in module.parameters())
        {
            parameter.copy_(Wave(type, parameter.shape));
        }
    }

    /// <summary>Values between -1 and 1 that hang on no generator.</summary>
    private static Tensor Wave(ScalarType type, params long[] shape)
    {
        var count = shape.Aggregate(1L, (product, size) => product * size);
        return arange(count, dtype: ScalarType.Float64).mul(0.7).add(0.3).sin().view(shape).to(type).detach();
    }

    private static string List<T>(IEnumerable<T> values) => string.Join(' ', values);
}
